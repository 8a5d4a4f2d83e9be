// The log: lines with time and level on standard error. Thread-safe. Only log.cc includes spdlog, because each
// file with a call of its templates takes 1.4 s longer to compile.
#pragma once
#include <string>

namespace autark {

// Sends the log to standard error under the name `autark`; without it, it goes to spdlog's default logger.
void log_to_stderr();
// `line` has no newline at its end.
void log_info(const std::string& line);
void log_warning(const std::string& line);
void log_error(const std::string& line);

}  // namespace autark
