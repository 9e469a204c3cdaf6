#pragma once
// JavaArchive: the artifacts that a jar, war or ear proves to hold, those of jars in it as well.
//
// Order of trust: each META-INF/maven/**/pom.properties; else what the manifest says; else the name of the file. A group that
// nothing names stays empty.
// Thread: any.

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "scan/limits.h"

namespace weir {

struct JavaArtifact {
  std::string group, artifact, version;
  std::string path;  // of the jar it was found in: `app.war!WEB-INF/lib/x.jar`
  bool operator==(const JavaArtifact&) const = default;
};

struct JavaArchive {
  std::vector<JavaArtifact> artifacts;
  std::vector<std::string> problems;  // limits that were reached, jars that are damaged
};

bool is_java_archive_name(std::string_view path);  // .jar .war .ear .par .hpi, in any case
JavaArchive read_java_archive(std::span<const std::byte> bytes, std::string_view path, const ScanLimits& limits);

// The main section of META-INF/MANIFEST.MF: a line that begins with a space continues the one before (JAR File Specification).
std::vector<std::pair<std::string, std::string>> read_jar_manifest(std::string_view text);

}  // namespace weir
