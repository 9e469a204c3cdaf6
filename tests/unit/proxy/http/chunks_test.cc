// Chunk framing (RFC 9112 section 7.1), whole, in pieces, and wrong.

#include "proxy/http/chunk_reader.h"

#include <doctest/doctest.h>

using namespace weir;

namespace {

struct Chunks {
  ChunkReader reader;
  std::string waiting;

  std::string data;  // so far
  bool done = false, bad = false;

  // As a connection does: what is not consumed waits for more. What is left of the bytes once it is done.
  std::string feed(std::string_view bytes) {
    waiting += bytes;
    while (!done && !bad) {
      const auto part = reader.next(waiting);
      if (!part) {
        CHECK(part.error().failure == Failure::invalid);
        CHECK(part.error().side == Side::client);
        bad = true;
        break;
      }
      data += part->data;
      done = part->done;
      waiting.erase(0, part->consumed);
      if (part->consumed == 0) break;
    }
    return waiting;
  }
};

// `DATA` when it ended well, else `bad` or `more`.
std::string whole(std::string_view bytes) {
  Chunks chunks;
  chunks.feed(bytes);
  return chunks.bad ? "bad" : chunks.done ? "done " + chunks.data : "more";
}

}  // namespace

TEST_CASE("chunks add up to their data") {
  CHECK(whole("5\r\nhello\r\n0\r\n\r\n") == "done hello");
  CHECK(whole("0\r\n\r\n") == "done ");
  CHECK(whole("a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n") == "done 01234567890123456789");
  CHECK(whole("0005\r\nhello\r\n000\r\n\r\n") == "done hello");
  CHECK(whole("2\r\n\r\n\r\n0\r\n\r\n") == "done \r\n");
}

TEST_CASE("what follows the last chunk is left for the next request") {
  Chunks chunks;
  CHECK(chunks.feed("5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n") == "GET / HTTP/1.1\r\n");
  CHECK(chunks.done);
}

TEST_CASE("framing is understood wherever its bytes are cut") {
  const std::string bytes = "5;ext=\"v\"\r\nhello\r\n1\r\n!\r\n0\r\nTrailer: x\r\n\r\n";
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    Chunks chunks;
    chunks.feed(std::string_view(bytes).substr(0, cut));
    CHECK_FALSE(chunks.done);
    chunks.feed(std::string_view(bytes).substr(cut));
    CHECK_MESSAGE((chunks.done && chunks.data == "hello!"), cut);
  }
  Chunks bytewise;
  for (const char c : bytes) bytewise.feed(std::string_view(&c, 1));
  CHECK(bytewise.done);
  CHECK(bytewise.data == "hello!");
}

TEST_CASE("an empty body's only chunk is understood byte by byte, with a trailer and without") {
  for (const std::string bytes : {"0\r\n\r\n", "000\r\n\r\n", "0\r\nX: y\r\n\r\n", "0;a\r\n\r\n"}) {
    Chunks chunks;
    for (const char c : bytes) chunks.feed(std::string_view(&c, 1));
    CHECK_MESSAGE((chunks.done && chunks.data.empty()), bytes);
  }
}

TEST_CASE("extensions and trailers are passed over") {
  CHECK(whole("5;a\r\nhello\r\n0;b=c\r\n\r\n") == "done hello");
  CHECK(whole("5 ;a\r\nhello\r\n0\t; b=c\r\n\r\n") == "done hello");
  CHECK(whole("1\r\nx\r\n0\r\nHost: evil\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n") == "done x");
}

TEST_CASE("a trailer line has a name and a value, and is not folded") {
  for (const std::string line : {"x", ": y", "X : y", " X: y", "\tX: y", "X: \x01", "X\x7f: y", "GET / HTTP/1.1"})
    CHECK_MESSAGE(whole("0\r\n" + line + "\r\n\r\n") == "bad", line);
  CHECK(whole("0\r\nX: y\r\n folded\r\n\r\n") == "bad");
}

TEST_CASE("a line of the framing and all trailers together have an end") {
  CHECK(whole("5;" + std::string(8000, 'a') + "\r\nhello\r\n0\r\n\r\n") == "done hello");
  CHECK(whole("5;" + std::string(9000, 'a') + "\r\nhello\r\n0\r\n\r\n") == "bad");
  CHECK(whole("5;" + std::string(9000, 'a')) == "bad");
  CHECK(whole("0\r\nX: " + std::string(9000, 'a')) == "bad");
  std::string trailers;
  while (trailers.size() < 31 << 10) trailers += "X: " + std::string(1000, 'a') + "\r\n";
  CHECK(whole("0\r\n" + trailers + "\r\n") == "done ");
  CHECK(whole("0\r\n" + trailers + trailers + "\r\n") == "bad");
}

TEST_CASE("a size that is not plain hexadecimal is refused") {
  for (const std::string size :
       {"", " 5", "5 ", "+5", "-5", "0x5", "5h", "g", "5 5", "\t5", "5\t", ";a", "\"5\"", "5,", "5.0", "5_0", "5=", "\xb5"})
    CHECK_MESSAGE(whole(size + "\r\nhello\r\n0\r\n\r\n") == "bad", size);
}

TEST_CASE("a size that does not fit 64 bits is refused") {
  for (const std::string size :
       {"10000000000000000", "FFFFFFFFFFFFFFFFF", "100000000000000005", "fffffffffffffffffffffffffffffffff"})
    CHECK_MESSAGE(whole(size + "\r\nhello\r\n0\r\n\r\n") == "bad", size);
  Chunks most;
  most.feed("ffffffffffffffff\r\nhello");
  CHECK_FALSE(most.bad);
  CHECK_FALSE(most.done);
  CHECK(most.data == "hello");
}

TEST_CASE("a chunk ends with CR LF after as many bytes as it said") {
  CHECK(whole("5\r\nhello!\r\n0\r\n\r\n") == "bad");
  CHECK(whole("5\r\nhell\r\n0\r\n\r\n") == "bad");
  CHECK(whole("5\r\nhelloX\n0\r\n\r\n") == "bad");
  CHECK(whole("5\r\nhello\n0\r\n\r\n") == "bad");
  CHECK(whole("5\r\nhello\r0\r\n\r\n") == "bad");
  CHECK(whole("5\r\nhello0\r\n\r\n") == "bad");
}

TEST_CASE("lines of the framing end with CR LF, not with LF alone, and no request is found behind them") {
  for (const std::string bytes : {"5\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
                                  "5;a\nb\r\nhello\r\n0\r\n\r\n", "5\r\r\nhello\r\n0\r\n\r\n", "0\r\nX: y\n\r\n", "0\n\n"}) {
    CHECK_MESSAGE(!whole(bytes).starts_with("done"), bytes);
    CHECK_MESSAGE(whole(bytes + "GET / HTTP/1.1\r\nHost: a\r\n\r\n") == "bad", bytes);
  }
}

TEST_CASE("a quoted extension hides no line break and no other control character") {
  for (const std::string value : {"\n", "\r", "\r\n", "a\nb", "\x01", "\x7f"})
    CHECK_MESSAGE(whole("5;a=\"" + value + "\"\r\nhello\r\n0\r\n\r\n") == "bad", value);
  CHECK(whole("5;a=\"\t \xc3\xa4\"\r\nhello\r\n0\r\n\r\n") == "done hello");
}

TEST_CASE("an end that did not come is no end") {
  for (const std::string bytes : {"5", "5\r", "5\r\n", "5\r\nhell", "5\r\nhello", "5\r\nhello\r\n", "0\r\n", "0\r\nX: y\r\n"})
    CHECK_MESSAGE(whole(bytes) == "more", bytes);
}

TEST_CASE("a large chunk comes through in pieces without being kept") {
  Chunks chunks;
  chunks.feed("100000\r\n");
  for (int i = 0; i < 256; ++i) CHECK(chunks.feed(std::string(4096, 'x')).empty());
  CHECK(chunks.data.size() == 1 << 20);
  chunks.feed("\r\n0\r\n\r\n");
  CHECK(chunks.done);
}
