#include "http/loop.h"
#include <boost/asio/post.hpp>
#include "base/log.h"
#include "http/connection.h"

namespace autark::http {

namespace {

constexpr int kThreads = 1;  // that run the context, which then needs fewer locks

template <class Call>
void guarded(Call call) {
  try {
    call();
  } catch (const std::exception& e) {
    log_error(std::string("http: ") + e.what());
  }
}

}  // namespace

Loop::Loop() : context_(kThreads), work_(context_.get_executor()) {}

void Loop::run() {
  thread_ = std::thread([this] {
    while (!context_.stopped()) guarded([this] { context_.run(); });
  });
}

void Loop::join() {
  if (thread_.joinable()) thread_.join();
}

void Loop::hand_over(std::shared_ptr<Answer> answer) {
  bool first;
  {
    const std::lock_guard lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(answer));
  }
  if (first) boost::asio::post(context_, [this] { send_all(); });
}

void Loop::send_all() {
  {
    const std::lock_guard lock(mutex_);
    sending_.swap(waiting_);
  }
  for (const auto& answer : sending_)
    if (const auto connection = answer->connection()) guarded([&] { connection->send(); });
  sending_.clear();
}

}  // namespace autark::http
