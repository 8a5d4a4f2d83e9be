// Downloads one URL into one part file. It continues where the file ends (with a Range header), starts from
// the beginning if the server cannot do that, and tries again after a broken connection. Bytes that have
// arrived are kept when a connection breaks.
#pragma once
#include <chrono>
#include "http/client.h"
#include "hub/part_file.h"

namespace autark::hub {

// What to download. The callbacks run on the calling thread.
struct Download {
  std::string url;
  http::Headers headers;
  int64_t bytes = 0;                                          // expected length; 0: not known
  int tries = 5;                                              // gives up after so many without a new byte
  std::chrono::milliseconds pause{500};                       // before the second try; doubles each time
  std::function<void(int64_t done, int64_t total)> progress;  // total 0: not known
  // Called with the number of bytes still to come, once it is known. An Error ends the download.
  std::function<Result<bool>(int64_t)> need_room;
};

// The result of a download.
struct Downloaded {
  int64_t bytes = 0;         // length of the file
  bool length_told = false;  // the caller or the server told the length
  std::string tag;           // the ETag without white space; empty if there is none
};

// Returns when the file has the length that the server announced. The caller verifies the checksum.
Result<Downloaded> download(const Download& what, PartFile& into);

// The head of the answer to a GET; the body is not read.
Result<http::Fetched> head_of(const std::string& url, const http::Headers& headers);
// The ETag with its quotes and without white space; empty if there is none.
std::string tag_of(const http::Fetched& head);

}  // namespace autark::hub
