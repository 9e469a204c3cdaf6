#pragma once
// XmlAnswer: the small documents that a service answers with (XML 1.0): elements and text, nothing that refers to anything else.

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace weir {

class XmlAnswer {
 public:
  static constexpr std::size_t kMostBytes = 64 << 10;
  static constexpr unsigned kMostDepth = 8;

  // Error (upstream, corrupt): not well-formed, too large, too deep; a document type, a processing instruction but the
  // declaration at its start, a comment, CDATA, or an entity other than the five predefined and numeric ones.
  static Result<XmlAnswer> parse(std::string_view xml);

  // The text of the element at `Root/Child/Leaf`, without the blanks around it; of several the first. Empty when there is none.
  std::string at(std::string_view path) const;

 private:
  std::map<std::string, std::string, std::less<>> texts_;  // of elements that hold no others
};

}  // namespace weir
