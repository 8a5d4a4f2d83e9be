// For tests and measurements: the server's whole stack around a backend that computes nothing.
//
//   null_server [--port N] [--tokens N] [--delay-us N] [--bytes N] [--key KEY]
//               [--platform FOLDER [--store PLACE] [--rpm N] [--tpm N] [--concurrency N] [--budget NANOS]]
//
// Every choice is answered with `tokens` tokens (default 64; less if the request says so) of `bytes` letters
// (default 4), one every `delay-us` microseconds (default 0: all at once), in steps that all requests share, as an
// engine makes them. Prints "listening PORT". Ends with SIGTERM or SIGINT.
// With --platform, requests are admitted and booked by the platform in the folder. If there is none it is made, in the
// database PLACE, with these limits of its only key; "key SECRET" is printed before the port.
#include <signal.h>
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <thread>
#include <vector>
#include "base/log.h"
#include "door_platform.h"
#include "http/server.h"
#include "options.h"
#include "serve/service.h"

namespace autark {
namespace {

using Time = std::chrono::steady_clock::time_point;

struct Settings {
  long port = 0, tokens = 64, delay_us = 0, bytes = 4;
  std::string key;
  doors::PlatformWish platform;
};

// The answer to one request, token by token.
class Answer {
 public:
  Answer(const api::Request& request, api::Backend::Sink sink, const Settings& settings)
      : sink_(std::move(sink)),
        text_(size_t(settings.bytes), 'x'),
        choices_(int(std::max<size_t>(1, request.prompts.size())) * request.n),
        tokens_(std::min<int64_t>(settings.tokens, request.max_tokens.value_or(settings.tokens))) {}

  void begin(int64_t prompt_tokens) {
    usage_.prompt_tokens = prompt_tokens;
    each([&](int choice) { sink_({choice, api::Event::Started{prompt_tokens}, usage_}); });
  }
  // Sends the next token of every choice. Returns true when it was the last.
  bool step() {
    const std::lock_guard lock(mutex_);
    if (ended_) return true;
    if (usage_.completion_tokens < tokens_) {
      ++usage_.completion_tokens;
      each([&](int choice) { sink_({choice, api::Event::Delta{text_, {}, false}, usage_}); });
    }
    if (usage_.completion_tokens >= tokens_) end(api::Finish::length);
    return ended_;
  }
  void cancel() {
    const std::lock_guard lock(mutex_);
    if (!ended_) end(api::Finish::cancelled);
  }

 private:
  template <class Do>
  void each(Do act) {
    for (int choice = 0; choice < choices_; ++choice) act(choice);
  }
  void end(api::Finish why) {
    ended_ = true;
    each([&](int choice) { sink_({choice, api::Event::Finished{why, ""}, usage_}); });
  }

  std::mutex mutex_;
  api::Backend::Sink sink_;
  std::string text_;
  int choices_;
  int64_t tokens_;
  api::Usage usage_;
  bool ended_ = false;
};

class NullBackend final : public api::Backend {
 public:
  explicit NullBackend(const Settings& settings) : settings_(settings), thread_([this] { run(); }) {}
  ~NullBackend() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  std::vector<api::ModelEntry> models() const override { return {{"null", "Null", 0, 1 << 20, true}}; }
  Handle submit(api::Request request, Sink sink) override {
    auto answer = std::make_shared<Answer>(request, std::move(sink), settings_);
    answer->begin(prompt_tokens(request));
    if (settings_.delay_us == 0) {
      while (!answer->step()) {
      }
    } else {
      begin(answer);
    }
    return [answer] { answer->cancel(); };
  }
  api::ApiResult<int64_t> count_tokens(const api::Request& r) const override { return prompt_tokens(r); }

 private:
  // About one token for four letters of text.
  static int64_t prompt_tokens(const api::Request& r) {
    size_t letters = 0;
    for (const api::Item& item : r.items)
      for (const api::Part& part : item.parts)
        if (const auto* t = std::get_if<api::Text>(&part)) letters += t->text.size();
    return int64_t(letters / 4 + 1);
  }
  // The answer's first token comes with the next step that is a whole delay away.
  void begin(std::shared_ptr<Answer> answer) {
    const std::chrono::microseconds delay(settings_.delay_us);
    const auto past = (std::chrono::steady_clock::now() - start_) / delay;
    const std::lock_guard lock(mutex_);
    if (due_.empty()) wake_.notify_one();
    due_[start_ + (past + 2) * delay].push_back(std::move(answer));
  }
  void run() {
    std::unique_lock lock(mutex_);
    while (!stop_) {
      if (due_.empty()) {
        wake_.wait(lock);
        continue;
      }
      const Time at = due_.begin()->first;
      if (at > std::chrono::steady_clock::now()) {
        wake_.wait_until(lock, at);
        continue;
      }
      Answers running = std::move(due_.extract(at).mapped());
      lock.unlock();
      std::erase_if(running, [](const auto& answer) { return answer->step(); });
      lock.lock();
      if (running.empty()) continue;
      Answers& next = due_[at + std::chrono::microseconds(settings_.delay_us)];
      next.insert(next.end(), running.begin(), running.end());
    }
  }

  using Answers = std::vector<std::shared_ptr<Answer>>;
  const Time start_ = std::chrono::steady_clock::now();
  Settings settings_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::map<Time, Answers> due_;
  bool stop_ = false;
  std::thread thread_;
};

// Blocks until the process is asked to end. REQUIRES: the signals were blocked before any thread started.
void wait_for_end(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
}

int run(const Settings& settings) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  log_to_stderr();  // standard output says the port only
  std::unique_ptr<platform::ServerPlatform> platform;
  if (!settings.platform.folder.empty()) {
    auto opened = doors::open_or_make(settings.platform);
    if (!opened) return std::fprintf(stderr, "%s\n", opened.error().message.c_str()), 1;
    platform = std::move(*opened);
  }
  serve::Service service({.api_key = settings.key, .gate = platform ? platform->gatekeeper : nullptr});
  auto server = http::Server::start(
      {.port = uint16_t(settings.port), .error_body = serve::Service::error_body}, service.router());
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 1;
  std::shared_ptr<api::Backend> backend = std::make_shared<NullBackend>(settings);
  service.open(platform ? platform->metering->around(backend) : backend);
  std::printf("listening %d\n", int((*server)->port()));
  std::fflush(stdout);
  wait_for_end(signals);
  service.stop();
  return 0;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  autark::Settings s;
  autark::doors::Options options(argc, argv);
  options.number("--port", &s.port, 0, 65535);
  options.number("--tokens", &s.tokens, 1, 1 << 20);
  options.number("--delay-us", &s.delay_us, 0, 60'000'000);
  options.number("--bytes", &s.bytes, 1, 1 << 16);
  options.text("--key", &s.key);
  options.text("--platform", &s.platform.folder);
  options.text("--store", &s.platform.store);
  options.number("--rpm", &s.platform.rpm, 1, 1L << 40);
  options.number("--tpm", &s.platform.tpm, 1, 1L << 40);
  options.number("--concurrency", &s.platform.concurrency, 1, 1L << 40);
  options.number("--budget", &s.platform.budget, 1, 1L << 60);
  if (options.complete()) return autark::run(s);
  std::fprintf(stderr,
               "null_server [--port N] [--tokens N] [--delay-us N] [--bytes N] [--key KEY]\n"
               "            [--platform FOLDER [--store PLACE] [--rpm N] [--tpm N] [--concurrency N] "
               "[--budget NANOS]]\n");
  return 2;
}
