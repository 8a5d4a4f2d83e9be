#include "base/log.h"
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include "base/key_text.h"

namespace autark {

void log_to_stderr() {
  spdlog::set_default_logger(spdlog::stderr_color_mt("autark"));
}

void log_info(const std::string& line) {
  spdlog::default_logger_raw()->info(spdlog::string_view_t(without_keys(line)));
}

void log_warning(const std::string& line) {
  spdlog::default_logger_raw()->warn(spdlog::string_view_t(without_keys(line)));
}

void log_error(const std::string& line) {
  spdlog::default_logger_raw()->error(spdlog::string_view_t(without_keys(line)));
}

}  // namespace autark
