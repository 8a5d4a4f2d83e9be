// Runs a program and waits for it.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <utility>
#include <vector>
#include "base/result.h"

namespace autark::hub {

// What to run.
struct Process {
  std::vector<std::string>
      command;                   // program and arguments; the program is searched in PATH, without a shell
  std::filesystem::path folder;  // working folder; standard error goes to a file in it
  std::vector<std::pair<std::string, std::string>> environment;  // added to the environment of this process
  std::function<void()> every;                                   // called about five times a second
};

// How it ended.
struct Ended {
  int status = 0;      // exit status; 128 + n after signal n
  std::string errors;  // standard error, at most its last 64 KiB
};

// Returns when the program has ended. An Error if it cannot be started. Standard output is discarded.
Result<Ended> run_process(const Process& process);

}  // namespace autark::hub
