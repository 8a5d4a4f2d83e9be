// One URL into one part file: goes on where the file ends (Range), starts anew where the server cannot, tries
// again after a break. What has come is never thrown away for a break.
#pragma once
#include <chrono>
#include "http/client.h"
#include "hub/part_file.h"

namespace autark::hub {

struct Download {
  std::string url;
  http::Headers headers;
  int64_t bytes = 0;                                          // expected; 0: not known
  int tries = 5;                                              // in a row that bring not one byte
  std::chrono::milliseconds pause{500};                       // before the second try; doubles
  std::function<void(int64_t done, int64_t total)> progress;  // total 0: not known
  std::function<Result<bool>(int64_t)> need_room;             // for so many bytes more, once they are known
};

struct Downloaded {
  int64_t bytes = 0;
  bool length_told = false;  // by the caller or the server
  std::string tag;           // the ETag, without white space; empty: none
};

// The file is whole as far as the server's word goes; sums are the caller's.
Result<Downloaded> download(const Download& what, PartFile& into);

// The head of what a GET would bring; the body is not read.
Result<http::Fetched> head_of(const std::string& url, const http::Headers& headers);
// "\"abc\"", or empty.
std::string tag_of(const http::Fetched& head);

}  // namespace autark::hub
