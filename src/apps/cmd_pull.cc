#include "apps/cmd_pull.h"
#include <fmt/core.h>
#include <unistd.h>
#include <chrono>
#include <memory>
#include "apps/command_line.h"
#include "apps/weight_cache_options.h"
#include "hub/hub.h"
#include "weights/checkpoint.h"

namespace autark::apps {
namespace {

using Clock = std::chrono::steady_clock;

std::string megabytes(int64_t bytes) {
  return fmt::format("{:.0f}", static_cast<double>(bytes) / 1e6);
}

// Progress on standard error. On a terminal one line is redrawn, ten times a second; elsewhere a new line is
// printed for each tenth of the total, at most one every two seconds.
class ProgressBar {
 public:
  ~ProgressBar() { end_line(); }

  void show(const hub::Progress& p) {
    if (p.what != what_) begin(p);
    if (p.total == 0 && p.done == 0) return;
    const int percent = p.total > 0 ? static_cast<int>(100 * p.done / p.total) : 0;
    if (!is_due(percent)) return;
    tenth_ = percent / 10;
    shown_at_ = Clock::now();
    draw(p, percent);
  }
  void end_line() {
    if (std::exchange(line_open_, false)) fmt::print(stderr, "\n");
  }

 private:
  // Whether enough has changed, or enough time has passed, to show a new number.
  bool is_due(int percent) const {
    if (tenth_ < 0 || percent == 100) return percent / 10 != tenth_;
    const auto since = Clock::now() - shown_at_;
    return terminal_ ? since >= std::chrono::milliseconds(100)
                     : percent / 10 != tenth_ && since >= std::chrono::seconds(2);
  }
  // Starts a new item, such as the check of a file. Its rate counts from here.
  void begin(const hub::Progress& p) {
    end_line();
    what_ = p.what;
    tenth_ = -1;
    begun_at_ = Clock::now();
    begun_bytes_ = p.done;
    if (p.total == 0 && p.done == 0) fmt::print(stderr, "{}\n", p.what);
  }
  void draw(const hub::Progress& p, int percent) {
    const double seconds = std::chrono::duration<double>(Clock::now() - begun_at_).count();
    const double rate = seconds > 0.5 ? static_cast<double>(p.done - begun_bytes_) / seconds : 0;
    std::string text = p.what + "  ";
    if (p.total > 0) {
      const int filled = percent * 30 / 100;
      if (terminal_) text += "[" + std::string(filled, '#') + std::string(30 - filled, '.') + "] ";
      text += fmt::format("{:3d} %  {} of {} MB", percent, megabytes(p.done), megabytes(p.total));
    } else {
      text += megabytes(p.done) + " MB";
    }
    if (rate > 0) text += fmt::format("  {:.1f} MB/s", rate / 1e6);
    if (rate > 0 && p.total > p.done)
      text += fmt::format("  {:.0f} s left", static_cast<double>(p.total - p.done) / rate);
    if (terminal_) {
      fmt::print(stderr, "\r\033[K{}", text);
      std::fflush(stderr);
    } else {
      fmt::print(stderr, "{}\n", text);
    }
    line_open_ = terminal_;
  }

  const bool terminal_ = ::isatty(STDERR_FILENO);
  std::string what_;
  int tenth_ = -1;
  int64_t begun_bytes_ = 0;
  Clock::time_point begun_at_, shown_at_;
  bool line_open_ = false;
};

// "491 MB", or for a repository "671 billion parameters".
std::string size_text(const hub::CatalogueEntry& e) {
  if (e.bytes) return megabytes(e.bytes) + " MB";
  const double n = static_cast<double>(e.parameters) / 1e9;
  return n < 1000 ? fmt::format("{:.3g} billion parameters", n)
                  : fmt::format("{:.3g} trillion parameters", n / 1000);
}

// Prints the catalogue and marks the models that are here.
int list_models() {
  for (const hub::CatalogueEntry& e : hub::catalogue()) {
    const bool here = hub::find_model(e.name).has_value();
    fmt::print("{:<20} {:>24}  {:<20} {}{}{}\n", e.name, size_text(e), e.licence, e.title,
               e.name == hub::kDefaultModel ? " (the default)" : "", here ? " (here)" : "");
  }
  return 0;
}

// What the first start of a model will write, on standard error.
void name_weight_cache(const std::filesystem::path& model) {
  const auto c = open_checkpoint(model);
  const engine::WeightCachePlace place = engine::default_weight_cache(model);
  if (c && engine::weight_cache_bytes_expected(c->bytes) >= place.least_bytes)
    fmt::print(stderr, "weight cache: {}\n", weight_cache_line(place, model, c->bytes));
}

// Prints the path to open on standard output.
int pull_model(const std::string& reference, hub::PullOptions options) {
  ProgressBar bar;
  options.progress = [&bar](const hub::Progress& p) { bar.show(p); };
  auto path = hub::pull(reference, options);
  bar.end_line();
  if (path) {
    name_weight_cache(*path);
    fmt::print("{}\n", path->string());
    return 0;
  }
  fmt::print(stderr, "autark: {}\n", path.error().message);
  return 1;
}

}  // namespace

void add_pull_command(const Command& program) {
  struct Asked {
    std::string reference;
    bool list = false;
    hub::PullOptions options;
  };
  const auto asked = std::make_shared<Asked>();
  const Command pull = program.command("pull", "Get a model: resumed after a break, verified, with progress");
  pull.footer(
      "What is there and of the revision asked for is not fetched again; what changed is. A revision that "
      "is\n"
      "named lies in a folder of its own, org/name@revision. `autark prepare` makes a model start faster.\n\n"
      "Examples:\n  autark pull\n  autark pull smollm2-135m\n  autark pull gpt-oss-20b\n"
      "  autark pull --list");
  pull.option(
      "REF", asked->reference,
      "A name of the catalogue, hf:org/name[@revision][:file], modelscope:org/name[@revision][:file], a URL "
      "of a .gguf file (#sha256=… is checked) or a path; org/name…, hf.co/org/name… and the address of a "
      "hub's page mean the repository; `file` may be a word of the file's name, as in :Q4_K_M; default: " +
          std::string(hub::kDefaultModel));
  pull.flag("--list", asked->list, "Show the catalogue");
  pull.option("--into", asked->options.into,
              "Folder for models (default: AUTARK_MODELS or ~/.cache/autark/models)");
  pull.option("--hf-host", asked->options.hf_host,
              "Host with the layout of Hugging Face (default: HF_ENDPOINT)");
  pull.option("--modelscope-host", asked->options.modelscope_host,
              "Host with the layout of ModelScope (default: MODELSCOPE_ENDPOINT)");
  pull.runs([asked] { return asked->list ? list_models() : pull_model(asked->reference, asked->options); });
}

}  // namespace autark::apps
