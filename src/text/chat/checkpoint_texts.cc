#include "text/chat/checkpoint_texts.h"
#include <algorithm>
#include "base/file_kind.h"
#include "base/gguf.h"
#include "base/mapped_file.h"
#include "base/model_json.h"
#include "text/chat/source_literals.h"
#include "text/crate_tokenizer.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

constexpr size_t kFileMax = size_t{1} << 20, kFileCountMax = 100;

fs::path folder_of(const fs::path& path) {
  std::error_code ec;
  return fs::is_directory(path, ec) ? path : path.parent_path();
}

// Releases after the preview have a draft head named DSpark; the preview's has another name.
DeepseekV4Release release_if(bool has_dspark) {
  return has_dspark ? DeepseekV4Release::r0731 : DeepseekV4Release::preview;
}

Result<DeepseekV4Trace> trace_of_config(const fs::path& file) {
  AUTARK_TRY(const Json config, read_model_json(file));
  if (config.value("model_type", Json()) != "deepseek_v4") return DeepseekV4Trace{};
  bool has_dspark = false;
  for (const auto& [key, value] : config.items()) has_dspark |= key.starts_with("dspark_");
  return DeepseekV4Trace{.release = release_if(has_dspark)};
}

Result<DeepseekV4Trace> trace_of_gguf(const fs::path& file) {
  AUTARK_TRY(Gguf g, Gguf::open(file));
  if (g.text("general.architecture") != "deepseek4") return DeepseekV4Trace{};
  bool is_later = false;
  for (const auto& [key, value] : g.keys()) {
    is_later |= key.find("dspark") != std::string::npos;
    if (key == "general.name" || key == "general.basename" || key == "general.version")
      for (const char* release : {"0731", "0813"})
        is_later |= g.text(key).value_or("").find(release) != std::string_view::npos;
  }
  return DeepseekV4Trace{.release = release_if(is_later)};
}

// Conversations whose prompts contain the fixed paragraphs, if the template has them.
std::vector<std::string> requests() {
  std::vector<std::string> all;
  const std::string messages =
      R"({"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}])";
  const std::string tools =
      R"(, "tools": [{"type": "function", "function": {"name": "f", "description": "", "parameters": {}}}])";
  for (const std::string effort : {"low", "medium", "high", "xhigh", "max"}) {
    const std::string kwargs =
        R"(, "kwargs": {"thinking": true, "enable_thinking": true, "thinking_mode": "thinking", "reasoning_effort": ")" +
        effort + R"(", "response_format": {"type": "json_object"}}})";
    all.push_back(messages + kwargs);
    all.push_back(messages + tools + kwargs);
  }
  return all;
}

}  // namespace

Result<DeepseekV4Trace> deepseek_v4_trace(const fs::path& path) {
  std::error_code ec;
  const fs::path folder = folder_of(path);
  if (kind_of_file(path) == FileKind::gguf) return trace_of_gguf(path);
  if (fs::exists(folder / "config.json", ec)) return trace_of_config(folder / "config.json");
  if (const fs::path gguf = gguf_inside(folder); fs::is_directory(path, ec) && !gguf.empty())
    return trace_of_gguf(gguf);
  return DeepseekV4Trace{.is_unsaid = path.extension() != ".jinja",
                         .has_encoder = fs::exists(folder / "encoding/encoding_dsv4.py", ec)};
}

void add_source(std::vector<std::string>& texts, const std::string& source) {
  if (source.empty()) return;
  texts.push_back(source);
  for (std::string& literal : source_literals(source)) texts.push_back(std::move(literal));
}

std::vector<std::string> checkpoint_texts(const fs::path& path, const ChatTemplate* jinja) {
  std::vector<std::string> texts;
  std::vector<fs::path> files;
  std::error_code ec;
  for (fs::recursive_directory_iterator at(folder_of(path) / "encoding", ec), end; !ec && at != end;
       at.increment(ec)) {
    const std::string kind = at->path().extension().string();
    if ((kind == ".py" || kind == ".txt" || kind == ".md" || kind == ".jinja") &&
        files.size() < kFileCountMax)
      files.push_back(at->path());
  }
  std::ranges::sort(files);
  if (const fs::path own = folder_of(path) / "chat_template.jinja"; fs::exists(own, ec)) files.push_back(own);
  for (const fs::path& file : files)
    if (auto text = read_file(file, kFileMax)) add_source(texts, *text);
  if (!jinja) return texts;
  for (const std::string& request : requests())
    if (auto prompt = jinja->render_json(request)) texts.push_back(std::move(prompt->text));
  return texts;
}

}  // namespace autark::text
