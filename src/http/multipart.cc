#include "http/multipart.h"
#include <algorithm>
#include <utility>
#include <vector>
#include "http/message.h"

namespace autark::http {
namespace {

constexpr std::string_view kSpace = " \t";
constexpr size_t kBoundaryBytes = 70;  // RFC 2046

std::string_view trim(std::string_view text) {
  const size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Takes a quoted string from the front of `text`, without its quotes. Browsers write a quote in a file's name
// as %22, other clients as \" ; a backslash before another character stands for itself.
std::optional<std::string> take_quoted(std::string_view& text) {
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"') {
      text.remove_prefix(i + 1);
      return out;
    }
    const std::string_view two = text.substr(i, 2);
    if (two == "\\\"" || two == "\\\\") ++i;
    if (text.substr(i, 3) == "%22") {
      out += '"';
      i += 2;
    } else {
      out += text[i];
    }
  }
  return std::nullopt;
}

// A header's value of the form `type; name=value; name="value"`.
struct Field {
  std::string type;                                             // in lower case
  std::vector<std::pair<std::string, std::string>> parameters;  // names in lower case
  const std::string* find(std::string_view name) const {
    for (const auto& parameter : parameters)
      if (parameter.first == name) return &parameter.second;
    return nullptr;
  }
};

std::optional<std::string> take_value(std::string_view& text) {
  if (text.starts_with('"')) return take_quoted(text);
  const std::string_view token = text.substr(0, text.find(';'));
  text.remove_prefix(token.size());
  return std::string(trim(token));
}

// Empty if a parameter is malformed or appears twice.
std::optional<Field> parse_field(std::string_view text) {
  Field field{lower_case(trim(text.substr(0, text.find(';')))), {}};
  text.remove_prefix(std::min(text.find(';'), text.size()));
  while (!(text = trim(text)).empty()) {
    if (text.front() != ';') return std::nullopt;
    text = trim(text.substr(1));
    if (text.empty()) break;
    const size_t equals = text.find('=');
    if (equals == text.npos) return std::nullopt;
    std::string name = lower_case(trim(text.substr(0, equals)));
    text = trim(text.substr(equals + 1));
    auto value = take_value(text);
    if (!value || field.find(name)) return std::nullopt;
    field.parameters.emplace_back(std::move(name), std::move(*value));
  }
  return field;
}

bool is_boundary_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
}

bool has_control_character(std::string_view line) {
  return std::any_of(line.begin(), line.end(),
                     [](char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; });
}

// Reads one header into `head`. False if it is malformed or if it says that the content is encoded.
bool read_header(std::string_view line, PartHead& head) {
  const size_t colon = line.find(':');
  if (colon == line.npos || has_control_character(line)) return false;
  const std::string name = lower_case(line.substr(0, colon));
  const std::string_view value = trim(line.substr(colon + 1));
  if (name == "content-type") head.content_type = value;
  if (name == "content-transfer-encoding") {
    const std::string encoding = lower_case(value);
    return encoding == "binary" || encoding == "8bit" || encoding == "7bit";
  }
  if (name != "content-disposition") return true;
  const auto field = parse_field(value);
  if (!field || field->type != "form-data" || !field->find("name")) return false;
  head.name = *field->find("name");
  if (const std::string* filename = field->find("filename")) head.filename = *filename;
  return true;
}

// `lines`: each begins with CR LF. Empty if a line is wrong or if the part has no name.
std::optional<PartHead> parse_head(std::string_view lines) {
  PartHead head;
  while (!lines.empty()) {
    lines.remove_prefix(2);
    const std::string_view line = lines.substr(0, lines.find("\r\n"));
    lines.remove_prefix(line.size());
    if (!read_header(line, head)) return std::nullopt;
  }
  if (head.name.empty()) return std::nullopt;
  return head;
}

}  // namespace

std::optional<std::string> multipart_boundary(std::string_view content_type) {
  const auto field = parse_field(content_type);
  if (!field || field->type != "multipart/form-data") return std::nullopt;
  const std::string* boundary = field->find("boundary");
  if (!boundary || boundary->empty() || boundary->size() > kBoundaryBytes || boundary->back() == ' ')
    return std::nullopt;
  if (!std::all_of(boundary->begin(), boundary->end(), is_boundary_character)) return std::nullopt;
  return *boundary;
}

MultipartReader::MultipartReader(std::string_view boundary, PartSink& sink, MultipartLimits limits)
    : delimiter_("\r\n--" + std::string(boundary)), sink_(sink), limits_(limits) {}

bool MultipartReader::put(std::string_view bytes) {
  if (stage_ == Stage::stopped) return false;
  if (stage_ == Stage::whole) return true;
  held_ += bytes;
  while (step()) {
  }
  held_.erase(0, std::exchange(at_, 0));
  return stage_ != Stage::stopped;
}

// Returns false if more bytes are needed or nothing is left to do.
bool MultipartReader::step() {
  switch (stage_) {
    case Stage::preamble:
      return read_preamble();
    case Stage::delimiter:
      return read_delimiter();
    case Stage::head:
      return read_head();
    case Stage::content:
      return read_content();
    case Stage::whole:
    case Stage::stopped:
      break;
  }
  return false;
}

bool MultipartReader::read_preamble() {
  const std::string_view bytes = rest();
  const size_t found = bytes.find(delimiter_);
  const size_t skipped =
      found != bytes.npos ? found : bytes.size() - std::min(bytes.size(), delimiter_.size() - 1);
  preamble_bytes_ += skipped;
  if (preamble_bytes_ > limits_.head_bytes) return stop("the body does not begin with its boundary");
  at_ += skipped;
  if (found == bytes.npos) return false;
  at_ += delimiter_.size();
  stage_ = Stage::delimiter;
  return true;
}

// What follows a delimiter: two hyphens after the last part, or the line end that begins the next part's head.
bool MultipartReader::read_delimiter() {
  const std::string_view two = rest().substr(0, 2);
  if (two.size() < 2) return false;
  if (two == "--") {
    stage_ = Stage::whole;
    at_ = held_.size();
    return false;
  }
  if (two != "\r\n") return stop("the boundary appears within a part's content");
  if (++part_count_ > limits_.part_count)
    return stop("the body has more than " + std::to_string(limits_.part_count) + " parts");
  stage_ = Stage::head;
  return true;
}

bool MultipartReader::read_head() {
  const size_t end = rest().find("\r\n\r\n");
  if (std::min(end, rest().size() - std::min<size_t>(rest().size(), 3)) > limits_.head_bytes)
    return stop("the headers of a part are longer than " + std::to_string(limits_.head_bytes) + " bytes");
  if (end == std::string_view::npos) return false;
  auto head = parse_head(rest().substr(0, end));
  if (!head)
    return stop("part " + std::to_string(part_count_) + " has no valid form-data headers with a name");
  at_ += end + 4;
  stage_ = Stage::content;
  return sink_.begin(std::move(*head)) || stop({});
}

bool MultipartReader::read_content() {
  const std::string_view bytes = rest();
  const size_t found = bytes.find(delimiter_);
  const size_t ready =
      found != bytes.npos ? found : bytes.size() - std::min(bytes.size(), delimiter_.size() - 1);
  if (ready > 0 && !sink_.put(bytes.substr(0, ready))) return stop({});
  at_ += ready;
  if (found == bytes.npos) return false;
  at_ += delimiter_.size();
  stage_ = Stage::delimiter;
  return sink_.end() || stop({});
}

bool MultipartReader::stop(std::string reason) {
  stage_ = Stage::stopped;
  refusal_ = std::move(reason);
  at_ = held_.size();
  return false;
}

}  // namespace autark::http
