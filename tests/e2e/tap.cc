// tap TO PORT-FILE LOG RULES    stands between a client and weir at TO (HOST:PORT), hands everything on, and notes what was asked
//
// It listens on 127.0.0.1, on a port it writes to PORT-FILE. Each request becomes a line of JSON in LOG when its answer is over:
// method, path, query, status, sent (bytes of the body), fault (whether it was one), headers (lists by name; of Authorization
// the scheme alone).
// RULES is a file that may be replaced at any time; a line of it is a fault:
//
//     TIMES METHOD PATTERN status CODE      answered by the tap, as a registry would
//     TIMES METHOD PATTERN cut BYTES        weir's answer, ended after so many bytes of its body
//     TIMES METHOD PATTERN reset BYTES      the same, and the connection reset
//
// METHOD may be *. PATTERN is an extended regular expression that the target must contain. Of the lines that match, the first
// that has not had its number of TIMES counts; a replaced file counts anew.

#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <mutex>
#include <regex>
#include <sstream>
#include <thread>

#include "tests/support/body_reader.h"
#include "tests/support/endpoint.h"
#include "tests/support/http_message.h"
#include "tests/support/json_text.h"
#include "tests/support/listener.h"
#include "tests/support/stream.h"
#include "tests/support/wait.h"

namespace weir::testing {
namespace {

constexpr std::size_t kMostHead = 64 << 10;
constexpr std::size_t kPiece = 64 << 10;

struct Fault {
  unsigned times = 0;
  std::string method;
  std::regex pattern;
  std::string action;
  std::uint64_t argument = 0;
};

class Faults {
 public:
  explicit Faults(std::string path) : path_(std::move(path)) {}

  // The fault for this request, which is used up by it.
  std::optional<Fault> take(const Request& request) {
    const std::lock_guard lock(mutex_);
    read_again();
    for (auto& fault : faults_) {
      if (fault.times == 0 || (fault.method != "*" && fault.method != request.method) ||
          !std::regex_search(request.target, fault.pattern))
        continue;
      --fault.times;
      return fault;
    }
    return std::nullopt;
  }

 private:
  void read_again() {
    struct stat now{};
    if (::stat(path_.c_str(), &now) != 0 || (now.st_ino == inode_ && now.st_mtim.tv_nsec == nanoseconds_)) return;
    inode_ = now.st_ino;
    nanoseconds_ = now.st_mtim.tv_nsec;
    faults_.clear();
    std::ifstream file(path_);
    for (std::string line; std::getline(file, line);) {
      std::istringstream words(line);
      Fault fault;
      std::string pattern;
      if (!(words >> fault.times >> fault.method >> pattern >> fault.action >> fault.argument)) continue;
      fault.pattern = std::regex(pattern, std::regex::extended);
      faults_.push_back(fault);
    }
  }

  const std::string path_;
  std::mutex mutex_;
  ino_t inode_ = 0;
  long nanoseconds_ = 0;
  std::vector<Fault> faults_;
};

class Tap {
 public:
  Tap(std::string to, const std::string& log, std::string rules)
      : to_(Endpoint::parse(to)), log_(log, std::ios::app), faults_(std::move(rules)) {}

  void serve(FileDescriptor socket) {
    Stream client(std::move(socket));
    std::unique_ptr<Stream> server;
    while (serve_one(client, server)) {
    }
  }

 private:
  static Deadline patience() { return within(std::chrono::minutes(2)); }

  // True when the connection can take another request.
  bool serve_one(Stream& client, std::unique_ptr<Stream>& server) {
    // A client that tries TLS first waits long for an answer in the clear.
    char first = 0;
    if (client.read_some(&first, 1, patience()).outcome != Io::done || first < 'A' || first > 'Z') return false;
    auto head = client.read_until("\r\n\r\n", kMostHead, patience());
    if (head.outcome != Io::done) return false;
    head.text.insert(0, 1, first);
    const auto request = parse_request_head(head.text);
    if (!request) return false;
    const auto fault = faults_.take(*request);
    if (fault && fault->action == "status") {
      const auto status = static_cast<int>(fault->argument);
      note(*request, status, 0, true);  // first: what the client does about it is noted after it
      return answer(client, *request, status);
    }
    std::string failure;
    if (!server) {
      auto socket = connect_to(to_, 0, patience(), failure);
      if (!socket) return false;
      server = std::make_unique<Stream>(std::move(socket));
    }
    if (server->write_all(head.text, patience()) != Io::done) return false;
    const auto answered = server->read_until("\r\n\r\n", kMostHead, patience());
    const auto response = answered.outcome == Io::done ? parse_response_head(answered.text) : std::nullopt;
    if (!response) return false;
    if (client.write_all(answered.text, patience()) != Io::done) return false;
    auto body = BodyReader::of_response(*server, *response, request->method == "HEAD");
    const auto limit = fault ? fault->argument : UINT64_MAX;
    const bool whole = pass(client, body, limit, *request, response->status, fault.has_value());
    if (!whole && fault && fault->action == "cut") {
      client.shut_down_writing();
      return false;
    }
    if (!whole) {
      client.reset();
      return false;
    }
    return body.framing() != BodyReader::Framing::until_end &&
           !equal_ignoring_case(response->headers.value("Connection"), "close");
  }

  bool pass(Stream& client, BodyReader& body, std::uint64_t limit, const Request& request, int status, bool fault) {
    std::vector<char> piece(kPiece);
    std::uint64_t sent = 0;
    bool good = true;
    const bool chunked = body.framing() == BodyReader::Framing::chunked;
    while (good && !body.over()) {
      const auto count = body.read(piece.data(), piece.size(), patience());
      if (count == 0) break;
      const auto part = std::string_view(piece.data(), std::min<std::uint64_t>(count, limit - sent));
      if (chunked) {
        std::ostringstream framed;
        framed << std::hex << part.size() << "\r\n" << part << "\r\n";
        good = client.write_all(framed.str(), patience()) == Io::done;
      } else {
        good = client.write_all(part, patience()) == Io::done;
      }
      sent += part.size();
      if (sent == limit) good = false;
    }
    good = good && body.whole();
    if (good && chunked) good = client.write_all("0\r\n\r\n", patience()) == Io::done;
    note(request, status, sent, fault);
    return good;
  }

  static bool answer(Stream& client, const Request& request, int status) {
    const char* code = status == 401   ? "UNAUTHORIZED"
                       : status == 403 ? "DENIED"
                       : status == 404 ? "NOT_FOUND"
                       : status == 429 ? "TOOMANYREQUESTS"
                                       : "UNAVAILABLE";
    const auto body = "{\"errors\":[{\"code\":\"" + std::string(code) + "\",\"message\":\"the tap says so\"}]}\n";
    Headers headers{{"Content-Type", "application/json"}, {"Content-Length", std::to_string(body.size())}};
    if (status == 401) headers.add("WWW-Authenticate", "Basic realm=\"tap\"");
    if (status == 429) headers.add("Retry-After", "1");
    auto text = "HTTP/1.1 " + std::to_string(status) + ' ' + std::string(reason_phrase(status)) + "\r\n" + headers.text() + "\r\n";
    if (request.method != "HEAD") text += body;
    return client.write_all(text, patience()) == Io::done;
  }

  void note(const Request& request, int status, std::uint64_t sent, bool fault) {
    const auto& text = json_string;
    std::map<std::string, std::vector<std::string>> headers;
    for (auto [name, value] : request.headers) {
      std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
      headers[name].push_back(name == "authorization" ? value.substr(0, value.find(' ')) : value);
    }
    std::string fields;
    for (const auto& [name, values] : headers) {
      std::string list;
      for (const auto& value : values) list += (list.empty() ? "" : ",") + text(value);
      fields += (fields.empty() ? "" : ",") + text(name) + ":[" + list + ']';
    }
    const std::lock_guard lock(mutex_);
    log_ << "{\"method\":" << text(request.method) << ",\"path\":" << text(request.path())
         << ",\"query\":" << text(request.query()) << ",\"status\":" << status << ",\"sent\":" << sent
         << ",\"fault\":" << (fault ? "true" : "false") << ",\"headers\":{" << fields << "}}" << std::endl;
  }

  const Endpoint to_;
  std::mutex mutex_;
  std::ofstream log_;
  Faults faults_;
};

int run(const std::string& to, const std::string& port_file, const std::string& log, const std::string& rules) {
  Tap tap(to, log, rules);
  Listener listener({"127.0.0.1"});
  listener.open();
  const auto unfinished = port_file + ".new";
  std::ofstream(unfinished) << listener.port() << '\n';
  if (std::rename(unfinished.c_str(), port_file.c_str()) != 0) return 1;
  while (auto socket = listener.accept())
    std::thread([&tap, taken = std::move(*socket)]() mutable { tap.serve(std::move(taken)); }).detach();
  return 0;
}

}  // namespace
}  // namespace weir::testing

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  if (argc != 5) {
    std::cerr << "usage: tap TO PORT-FILE LOG RULES\n";
    return 2;
  }
  return weir::testing::run(argv[1], argv[2], argv[3], argv[4]);
}
