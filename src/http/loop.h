// An event loop and its thread. A connection belongs to one loop for good, and only that thread runs what it does, so it
// needs no lock. Other threads hand over answers that have something to send.
//
// A step of the engine writes to all its streams at about the same time. Waking a thread costs more than handing over a
// pointer, so the loop is woken for the first answer only, and sends for all that are waiting when it comes.
#pragma once
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace autark::http {

class Answer;

class Loop {
 public:
  using Executor = boost::asio::io_context::executor_type;

  Loop();
  void run();  // starts the thread
  // Lets the thread end once it has nothing left to do.
  void leave() { work_.reset(); }
  void join();
  bool is_over() const { return context_.stopped(); }
  Executor executor() { return context_.get_executor(); }
  // Calls send() of the answer's connection on the loop's thread, soon. Thread-safe.
  void hand_over(std::shared_ptr<Answer> answer);

 private:
  void send_all();

  boost::asio::io_context context_;
  boost::asio::executor_work_guard<Executor> work_;
  std::mutex mutex_;                              // guards waiting_
  std::vector<std::shared_ptr<Answer>> waiting_;  // not empty: send_all() will run
  std::vector<std::shared_ptr<Answer>> sending_;  // of send_all(), for its capacity
  std::thread thread_;
};

}  // namespace autark::http
