#include "hub/download.h"
#include <charconv>
#include <fstream>
#include <thread>

namespace autark::hub {
namespace {

// "bytes 100-199/1000" or "bytes */1000"; a missing number is -1.
struct ContentRange {
  int64_t from = -1, total = -1;
  explicit ContentRange(std::string_view text) {
    if (!text.starts_with("bytes ")) return;
    text.remove_prefix(6);
    std::from_chars(text.data(), text.data() + text.size(), from);
    const size_t slash = text.find('/');
    if (slash != text.npos) std::from_chars(text.data() + slash + 1, text.data() + text.size(), total);
  }
};

enum class Next { done, again, give_up };

// One request and its answer.
class Attempt {
 public:
  Attempt(const Download& what, PartFile& into)
      : what_(what), into_(into), tag_path_(into.path().string() + ".etag") {
    std::ifstream(tag_path_) >> tag_;
  }
  Next run();
  Error error{Code::io, ""};
  Downloaded result() const { return {into_.bytes(), what_.bytes > 0 || total_ > 0, tag_}; }

 private:
  bool begin(const http::Fetched& head);
  bool receive(std::string_view bytes);
  Next judge(const http::Fetched& answer);
  Next judge_body(const http::Fetched& answer);
  Next wrong_length(int64_t wanted) {
    return stop(Code::invalid, what_.url + " has " + std::to_string(into_.bytes()) +
                                   " bytes instead of the expected " + std::to_string(wanted));
  }
  bool fail(Error why) {
    error = std::move(why);
    hopeless_ = true;
    return false;
  }
  Next stop(Code code, std::string why) {
    error = {code, std::move(why)};
    return Next::give_up;
  }

  const Download& what_;
  PartFile& into_;
  const std::string tag_path_;
  // ETag of the bytes in the part file, kept on disk: if the server's file has changed, it is fetched anew.
  std::string tag_;
  // Position in the file of the answer's next byte; length of the file, 0: not known.
  int64_t at_ = 0, total_ = 0;
  bool hopeless_ = false;  // another attempt would fail in the same way
};

bool Attempt::begin(const http::Fetched& head) {
  if (head.status != 200 && head.status != 206) return true;
  const ContentRange range(head.header("content-range"));
  const std::string tag = tag_of(head);
  const bool changed = !tag_.empty() && !tag.empty() && tag != tag_;
  if (changed || (head.status == 206 && range.from != into_.bytes())) {
    if (auto emptied = into_.cut(0); !emptied) return fail(emptied.error());
  }
  if (tag != tag_) std::ofstream(tag_path_) << (tag_ = tag);
  at_ = head.status == 206 ? range.from : 0;
  total_ = head.status == 206 ? std::max<int64_t>(range.total, 0) : head.length.value_or(0);
  if (what_.need_room && total_ > into_.bytes()) {
    if (auto room = what_.need_room(total_ - into_.bytes()); !room) return fail(room.error());
  }
  error = {Code::io, what_.url + ": the file changed while it was fetched"};
  return at_ >= 0 && at_ <= into_.bytes();
}

// A server without ranges sends from the start again. Bytes that are there already are compared and kept.
bool Attempt::receive(std::string_view bytes) {
  if (what_.bytes > 0 && at_ + static_cast<int64_t>(bytes.size()) > what_.bytes)
    return fail({Code::invalid,
                 what_.url + " is larger than the " + std::to_string(what_.bytes) + " bytes it should have"});
  if (auto written = into_.put(at_, bytes); !written) return fail(written.error());
  at_ += static_cast<int64_t>(bytes.size());
  if (what_.progress) what_.progress(into_.bytes(), what_.bytes ? what_.bytes : total_);
  return true;
}

Next Attempt::judge_body(const http::Fetched& answer) {
  if (answer.status == 200 && total_ > 0 && into_.bytes() > total_) {  // our file is longer than the server's
    if (auto shortened = into_.cut(total_); !shortened) return stop(Code::io, shortened.error().message);
  }
  const int64_t wanted = what_.bytes > 0 ? what_.bytes : total_;
  if (wanted == 0 || into_.bytes() == wanted) return Next::done;
  error = {Code::io, what_.url + ": the body was cut short"};
  const bool piece = answer.status == 206 && (total_ == 0 || total_ == wanted);
  if (into_.bytes() < wanted && (piece || !answer.length)) return Next::again;
  return wrong_length(wanted);
}

Next Attempt::judge(const http::Fetched& answer) {
  const std::string said = what_.url + ": the server answered " + std::to_string(answer.status);
  switch (answer.status) {
    case 200:
    case 206:
      return judge_body(answer);
    case 416:  // no bytes after ours: the file is complete, or it is not a prefix of the server's
      if (ContentRange(answer.header("content-range")).total == into_.bytes())
        return what_.bytes > 0 && into_.bytes() != what_.bytes ? wrong_length(what_.bytes) : Next::done;
      if (auto emptied = into_.cut(0); !emptied) return stop(Code::io, emptied.error().message);
      error = {Code::io, said};
      return Next::again;
    case 401:
    case 403:
      return stop(Code::io,
                  said + "; it may need a licence to be accepted on the hub and HF_TOKEN to be set");
    case 404:
      return stop(Code::not_found, said + ": there is no such file");
    case 408:
    case 429:
      error = {Code::io, said};
      return Next::again;
    default:
      error = {Code::io, said};
      return answer.status >= 500 ? Next::again : Next::give_up;
  }
}

Next Attempt::run() {
  if (what_.bytes > 0 && into_.bytes() == what_.bytes) return Next::done;
  http::Fetch fetch{.url = what_.url, .headers = what_.headers, .from = into_.bytes()};
  int status = 0;
  fetch.on_head = [&](const http::Fetched& head) {
    status = head.status;
    return begin(head);
  };
  fetch.on_body = [&](std::string_view bytes) { return (status != 200 && status != 206) || receive(bytes); };
  const auto answer = http::fetch(fetch);
  if (answer) return judge(*answer);
  if (hopeless_) return Next::give_up;
  if (answer.error().code == Code::invalid) return stop(Code::invalid, answer.error().message);
  if (answer.error().code != Code::cancelled) error = answer.error();
  return Next::again;
}

}  // namespace

std::string tag_of(const http::Fetched& head) {
  std::string tag(head.header("etag"));
  std::erase_if(tag, [](unsigned char c) { return c <= ' '; });
  return tag;
}

Result<http::Fetched> head_of(const std::string& url, const http::Headers& headers) {
  std::optional<http::Fetched> head;
  http::Fetch fetch{.url = url, .headers = headers};
  fetch.on_head = [&](const http::Fetched& answer) {
    head = answer;
    return false;
  };
  auto answer = http::fetch(fetch);
  if (head) return std::move(*head);
  return answer;
}

Result<Downloaded> download(const Download& what, PartFile& into) {
  if (what.bytes > 0 && into.bytes() > what.bytes) {
    AUTARK_TRY([[maybe_unused]] const bool emptied, into.cut(0));
  }
  Attempt attempt(what, into);
  int64_t most = into.bytes();
  for (int fruitless = 0; fruitless < what.tries;) {
    const Next next = attempt.run();
    if (next == Next::give_up) return attempt.error;
    if (next == Next::done) {
      std::error_code ignored;
      std::filesystem::remove(into.path().string() + ".etag", ignored);
      return attempt.result();
    }
    fruitless = into.bytes() > most ? 0 : fruitless + 1;
    most = std::max(most, into.bytes());
    if (fruitless < what.tries) std::this_thread::sleep_for(what.pause * (1 << std::min(fruitless, 6)));
  }
  if (into.bytes() == 0) return attempt.error;
  return Error{attempt.error.code,
               attempt.error.message + "; pull again to go on from byte " + std::to_string(into.bytes())};
}

}  // namespace autark::hub
