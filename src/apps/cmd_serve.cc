// autark serve. The server listens at once and loads the model meanwhile; /ready tells when the model
// is loaded.
//
// SIGINT, SIGTERM and SIGHUP stop it: new requests are refused, running ones may finish until the drain time
// is over and then end with an error. A second signal ends the process at once.
//
// Threads: the main thread waits for signals, one more loads the model, the HTTP server and the engine have
// their own.
#include "apps/cmd_serve.h"
#include <fmt/format.h>
#include <unistd.h>
#include <csignal>
#include <future>
#include <random>
#include "api/thinking.h"
#include "apps/command_line.h"
#include "apps/open_model.h"
#include "apps/platform_service.h"
#include "apps/prefix_cache_options.h"
#include "apps/report.h"
#include "apps/speculation_options.h"
#include "apps/structure_trial.h"
#include "apps/weight_cache_options.h"
#include "base/log.h"
#include "engine/rounding_modes.h"
#include "hub/hub.h"
#include "serve/api_key.h"
#include "serve/drain.h"
#include "serve/engine_backend.h"
#include "serve/sampling_defaults.h"
#include "serve/service.h"
#include "store/batches.h"
#include "store/files_folder.h"
#include "store/sqlite_store.h"
#include "store/state_folder.h"
#include "weights/model_name.h"

namespace autark::apps {
namespace {

using Seconds = std::chrono::seconds;

constexpr const char* kKeyVariable = "AUTARK_API_KEY";
constexpr unsigned kTidySeconds = 2;            // for destructors at the end; see end_soon()
constexpr size_t kFormBytes = 1 << 20;          // of an upload beside its file
constexpr int64_t kSecondsMax = 1'000'000'000;  // thirty years

struct Arguments {
  std::string model, host = "127.0.0.1", api_key, name, chip = "cpu", rounding, thinking, effort;
  std::vector<std::string> aliases, cors;
  std::string metrics_names = "autark";
  bool has_key = false;            // a key was given, possibly an empty one
  std::filesystem::path platform;  // empty: none
  uint16_t port = 8080;
  int threads = 0, parallel = 32, queue = 256, connections = 4096, body_megabytes = 32;
  int64_t context = 0, request_seconds = 3600, drain_seconds = 30;
  std::string tls_certificate, tls_key;  // PEM files; both or neither
  std::string state;                     // the folder; "none": in memory; empty: the usual one
  int64_t store_bytes = 0;               // 0: not given
  int64_t max_file = int64_t{512} << 20, files_bytes = 0;  // of one; of all, 0: not given
  int64_t state_memory = 0;                                // 0: half of what is left
  WeightCacheArguments weight_cache;
  PrefixCacheArguments prefix_cache;
  SpeculationArguments speculation;
};

// What the server keeps: the locked folder, if there is one, the answers, the batches, the key for sealed texts, and
// files.
struct State {
  std::optional<storage::StateFolder> folder;
  std::shared_ptr<storage::Store> answers;
  std::shared_ptr<storage::Batches> batches;  // null: in memory
  std::shared_ptr<serve::Seal> seal;
  std::shared_ptr<storage::Files> files;
};

// The loaded model and the path that it was loaded from.
struct Loaded {
  std::shared_ptr<serve::EngineBackend> backend;
  std::filesystem::path path;
};

// Prints to standard output and ignores errors: the server goes on if its terminal is closed.
template <class... Args>
void say(fmt::format_string<Args...> format, Args&&... args) {
  std::fputs(fmt::format(format, std::forward<Args>(args)...).c_str(), stdout);
}

// The signals that stop the server. They are blocked in all threads, so only wait_for_signal() receives them.
// If SIGHUP is ignored, as under nohup, it stays ignored.
sigset_t stop_signals() {
  struct sigaction hangup {};
  sigaction(SIGHUP, nullptr, &hangup);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  if (hangup.sa_handler != SIG_IGN) sigaddset(&set, SIGHUP);
  return set;
}

// Waits for one of the signals, at most for `most`. Returns its number, or 0 if none came.
int wait_for_signal(const sigset_t& set, std::chrono::milliseconds most) {
  const timespec time{most.count() / 1000, (most.count() % 1000) * 1'000'000};
  return std::max(0, sigtimedwait(&set, nullptr, &time));
}

// From now on each of the signals ends the process at once with exit code 128 + its number.
void end_at_once_with_the_next(const sigset_t& set) {
  struct sigaction action {};
  action.sa_handler = [](int signal) { std::_Exit(128 + signal); };
  for (const int signal : {SIGINT, SIGTERM, SIGHUP})
    if (sigismember(&set, signal)) sigaction(signal, &action, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The model's name for clients: --name, or a name made from the place where the model lies.
std::string name_of(const Arguments& a, const std::filesystem::path& path) {
  if (!a.name.empty()) return a.name;
  const auto place = hub::place_of_model(a.model);
  return model_name(place ? *place : path);
}

int64_t now_seconds() {
  return std::chrono::duration_cast<Seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Loads the model; runs on a thread of its own. Progress goes to /ready and, on a terminal, to
// standard error.
Result<Loaded> load(const Arguments& a, serve::Service& service) {
  AUTARK_TRY(const std::filesystem::path path, hub::find_model(a.model));
  warn_of_threads(a.threads);
  AUTARK_TRY(auto disk, disk_of(a.prefix_cache));
  AUTARK_TRY(auto public_texts, public_texts_of(a.prefix_cache));
  engine::Options options{.chip = a.chip,
                          .threads = a.threads,
                          .context_max = a.context,
                          .state_bytes_max = a.state_memory,
                          .cache_bytes_max = a.prefix_cache.memory,
                          .disk = std::move(disk),
                          .running_max = a.parallel,
                          .waiting_max = a.queue,
                          .weight_cache = weight_cache_for(a.weight_cache, path),
                          .say = say_of_weight_cache};
  if (auto e = set_speculation(a.speculation, options)) return *e;
  if (!a.rounding.empty()) {
    AUTARK_TRY(options.rounding, engine::rounding_named(a.rounding));
  }
  options.progress = [&service, shown = -1, tty = isatty(STDERR_FILENO) != 0](double done) mutable {
    service.loading(done);
    const int percent = int(done * 100);
    if (!tty || percent == shown) return;
    std::fprintf(stderr, "\rloading %3d %%%s", shown = percent, percent == 100 ? "\n" : "");
  };
  AUTARK_TRY(OpenModel model, open_model(path, options));
  serve::EngineBackend::Options served;
  served.id = name_of(a, path);
  served.isolation = isolation_of(a.prefix_cache);
  served.keep_attribution = a.prefix_cache.keep_attribution;
  served.public_texts = std::move(public_texts);
  served.aliases = a.aliases;
  served.defaults = serve::sampling_defaults(path);
  served.reasoning.effort = a.effort;
  served.created = now_seconds();
  served.requests_max = a.parallel + a.queue;
  served.seed = (uint64_t{std::random_device()()} << 32) ^ std::random_device()();
  served.trial = structure_trial();
  if (!a.thinking.empty()) served.reasoning.thinking = a.thinking == "on";
  return Loaded{std::make_shared<serve::EngineBackend>(std::move(model.engine), std::move(model.text),
                                                       std::move(served)),
                path};
}

void print_card(const serve::EngineBackend& backend, const std::filesystem::path& path) {
  const engine::ModelCard& c = backend.engine().card();
  say("model     {} ({}, {:.1f} M parameters, {})\n", backend.models()[0].id, c.architecture,
      double(c.parameters) / 1e6, c.weights);
  say("file      {}, loaded in {:.1f} s\n", path.string(), c.load_seconds);
  say("context   {} tokens\n", c.context);
  say("chip      {}\n", c.chip);
  for (const auto& [verb, kernel] : c.kernels) say("          {}: {}\n", verb, kernel);
  say("rounding  {}\n", c.rounding);
  say("weights   cache: {}\n", c.weight_cache);
  const engine::Stats stats = backend.engine().stats();
  say("prefixes  at most {} pages of {} tokens and {} snapshots of windowed state are kept for later "
      "requests ({:.1f} MB)\n",
      stats.kept_max, stats.page_tokens, stats.copies_total, double(stats.kept_bytes_max) / 1e6);
  const engine::DiskStats& disk = stats.disk;
  if (disk.bytes_max > 0)
    say("disk      {} entries of this model, {:.1f} of at most {:.1f} GB in use\n", disk.entries,
        double(disk.bytes) / 1e9, double(disk.bytes_max) / 1e9);
  if (!backend.text().chat) say("chat      none ({})\n", backend.text().chat_fault);
}

void print_address(const Arguments& a, uint16_t port) {
  const std::string host = a.host.find(':') == std::string::npos ? a.host : "[" + a.host + "]";
  say("listening {}://{}:{}  (console at /, APIs at /v1)\n", a.tls_key.empty() ? "http" : "https", host,
      port);
  if (!a.platform.empty() && a.tls_key.empty() && !is_loopback(a.host))
    say("warning   keys and passwords travel in clear to {}: give --tls-cert and --tls-key, or let only a "
        "proxy with TLS reach it\n",
        a.host);
  if (!a.has_key && a.platform.empty() && !is_loopback(a.host))
    say("warning   {} can be reached from other machines and there is no --api-key: anyone there can use "
        "it\n",
        a.host);
  std::fflush(stdout);
}

int fail(const Error& error) {
  fmt::print(stderr, "autark: {}\n", error.message);
  return 1;
}

// Ends the process with `exit_code` after kTidySeconds, unless it has ended by itself. A step of the engine
// and the rendering of a prompt cannot be interrupted, and their results are no longer needed.
void end_soon(int exit_code) {
  static int code;
  code = exit_code;
  std::signal(SIGALRM, [](int) { std::_Exit(code); });
  alarm(kTidySeconds);
}

// Refuses new requests and waits for the running ones, at most for the drain time.
void stop(const Arguments& a, serve::Service& service, http::Server& server) {
  if (const int count = service.in_flight())
    say("stopping  {} requests are still running; a second signal stops at once\n", count);
  std::fflush(stdout);
  serve::drain(service, server, Seconds(a.drain_seconds));
}

serve::Service::Expose vllm_metrics(const Arguments& a,
                                    const std::shared_ptr<serve::EngineBackend>& backend) {
  if (a.metrics_names != "vllm") return {};
  return [weak = std::weak_ptr(backend)](serve::Exposition& out) {
    if (const auto b = weak.lock()) b->expose_vllm(out);
  };
}

// Loads the model, serves until a signal comes and returns the exit code of the process.
int serve_until_signal(const Arguments& a, const sigset_t& signals, const PlatformService& platform,
                       serve::Service& service, http::Server& server) {
  auto loading = std::async(std::launch::async, [&] { return load(a, service); });
  while (loading.wait_for(Seconds(0)) != std::future_status::ready) {
    const int signal = wait_for_signal(signals, std::chrono::milliseconds(50));
    if (!signal) continue;
    end_at_once_with_the_next(signals);
    stop(a, service, server);
    std::_Exit(signal == SIGINT ? 128 + signal : 0);  // loading cannot be interrupted
  }
  auto loaded = loading.get();
  if (!loaded) return fail(loaded.error());
  print_card(*loaded->backend, loaded->path);
  service.open(
      platform.around(loaded->backend),
      [&server, backend = std::weak_ptr(loaded->backend)](serve::Exposition& out) {
        out.gauge("connections", "Open HTTP connections.", server.connections());
        if (const auto b = backend.lock()) b->expose(out);
      },
      vllm_metrics(a, loaded->backend));
  loaded->backend.reset();
  say("ready\n");
  std::fflush(stdout);
  while (!wait_for_signal(signals, std::chrono::hours(1))) {
  }
  end_at_once_with_the_next(signals);
  stop(a, service, server);
  end_soon(0);
  return 0;
}

Result<http::Options> http_options(const Arguments& a) {
  http::Options http{.host = a.host, .port = a.port, .threads = 2, .error_body = serve::Service::error_body};
  http.limits.connections = a.connections;
  http.limits.body_bytes = size_t(a.body_megabytes) << 20;
  http.limits.upload_bytes = size_t(a.max_file) + kFormBytes;
  auto cors = http::Cors::of(a.cors);
  if (!cors) return Error{cors.error().code, "--cors: " + cors.error().message};
  http.cors = std::move(*cors);
  http.cors.exclude("/metrics");
  http.cors.exclude("/admin/*");
  if (a.tls_certificate.empty() != a.tls_key.empty())
    return Error{Code::invalid,
                 "HTTPS needs both --tls-cert and --tls-key; give the other one, too, or neither"};
  if (a.tls_key.empty()) return http;
  auto tls = http::TlsPair::open(a.tls_certificate, a.tls_key);
  if (!tls) return Error{tls.error().code, "--tls-cert, --tls-key: " + tls.error().message};
  http.tls = std::move(*tls);
  return http;
}

// The key that clients must send; empty if none was given. A key that is given but empty is an Error.
Result<std::string> key_of(const Arguments& a) {
  if (!a.has_key) return std::string();
  auto key = serve::key_from(a.api_key);
  if (!key)
    return Error{key.error().code, std::string("--api-key or ") + kKeyVariable + ": " + key.error().message};
  return key;
}

// Opens the state folder and what is in it. With "none" everything is in memory, and files are in a temporary folder,
// as with a port that the next start does not have again.
Result<State> open_state(const Arguments& a) {
  const bool in_memory = a.state == "none" || (a.state.empty() && a.port == 0);
  const int64_t usual = int64_t{1} << (in_memory ? 26 : 30);
  const storage::Limits limits{.bytes = a.store_bytes > 0 ? a.store_bytes : usual};
  const storage::FileLimits file_limits{.bytes = a.files_bytes > 0 ? a.files_bytes : usual << 4,
                                        .shared = !a.platform.empty()};
  if (in_memory) {
    AUTARK_TRY(std::shared_ptr<storage::Store> kept, storage::memory_store(limits));
    return State{.folder = {},
                 .answers = std::move(kept),
                 .batches = {},
                 .seal = std::make_shared<serve::Seal>(serve::Seal::random(now_seconds())),
                 .files = storage::temporary_files(file_limits)};
  }
  const auto path =
      a.state.empty() ? storage::StateFolder::usual(std::to_string(a.port)) : std::filesystem::path(a.state);
  if (path.empty())
    return Error{Code::invalid, "there is no folder for the server's state: set HOME, or give --state"};
  AUTARK_TRY(storage::StateFolder folder, storage::StateFolder::open(path));
  AUTARK_TRY(std::shared_ptr<storage::Store> kept, storage::open_store(path / "store.db", limits));
  AUTARK_TRY(std::shared_ptr<storage::Batches> batches, storage::open_batches(path / "store.db"));
  AUTARK_TRY(serve::Seal seal, serve::Seal::from_file(path / "server.key", now_seconds()));
  AUTARK_TRY(std::shared_ptr<storage::Files> files, storage::open_files(path / "files", file_limits));
  return State{.folder = std::move(folder),
               .answers = std::move(kept),
               .batches = std::move(batches),
               .seal = std::make_shared<serve::Seal>(std::move(seal)),
               .files = std::move(files)};
}

int run(const Arguments& a) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  log_to_stderr();
  const auto key = key_of(a);
  if (!key) return fail(key.error());
  const auto http = http_options(a);
  if (!http) return fail(http.error());
  auto state = open_state(a);
  if (!state) return fail(state.error());
  const auto platform = PlatformService::open(a.platform, a.has_key);
  if (!platform) return fail(platform.error());
  serve::Service service({.api_key = *key,
                          .gate = platform->gate(),
                          .assets = serve::console_assets(),
                          .request_time = Seconds(a.request_seconds),
                          .answers = state->answers,
                          .seal = state->seal,
                          .files = state->files,
                          .file_bytes = a.max_file,
                          .batches = state->batches});
  http::Router router = service.router();
  platform->add_routes(router, !a.tls_key.empty());
  auto server = http::Server::start(*http, std::move(router));
  if (!server) return fail(server.error());
  say("{}", platform->card());
  print_address(a, (*server)->port());
  const int exit_code = serve_until_signal(a, signals, *platform, service, **server);
  server->reset();
  return exit_code;
}

// Options of what is kept between requests.
void add_state(const Command& c, Arguments& a) {
  c.option("--state", a.state,
           "The folder for stored answers, files and the server's key, for one server at a time; none, or "
           "--port 0 without this option: in memory, and files in a temporary folder (autark/PORT in "
           "$XDG_STATE_HOME, "
           "else in ~/.local/state)");
  c.option(
      "--store-bytes", a.store_bytes,
      "Bytes of stored answers; beyond it, the owner that has the most loses its oldest; all are removed "
      "after 30 days (1 GiB, in memory 64 MiB)",
      {.rule = whole_number(1, int64_t{1} << 50)});
  c.option("--max-file", a.max_file, "Bytes of an uploaded file; more get 413",
           {.rule = whole_number(1, int64_t{1} << 50), .shows_default = true, .kind = "BYTES"});
  c.option("--files-bytes", a.files_bytes,
           "Bytes of all uploaded files; beyond it uploads get 413 (16 GiB, in a temporary folder 1 GiB)",
           {.rule = whole_number(1, int64_t{1} << 50), .kind = "BYTES"});
}

// Options that limit requests and connections.
void add_limits(const Command& c, Arguments& a) {
  c.option("--parallel", a.parallel, "Choices computed at once; more wait",
           {.rule = whole_number(1, 1 << 20), .shows_default = true});
  c.option(
      "--state-memory", a.state_memory,
      "Bytes for the state of the choices that are computed; those without any wait (half of what is left "
      "after loading)",
      {.rule = whole_number(0, int64_t{1} << 50), .kind = "BYTES"});
  c.option("--queue", a.queue, "Choices that may wait; more get 429 (OpenAI) or 529 (Anthropic)",
           {.rule = whole_number(1, 1 << 20), .shows_default = true});
  c.option("--max-body", a.body_megabytes, "Megabytes of a request; more get 413",
           {.rule = whole_number(1, 1024), .shows_default = true});
  c.option("--max-connections", a.connections, "More get 503",
           {.rule = whole_number(1, 1 << 20), .shows_default = true});
  c.option("--request-time", a.request_seconds,
           "Seconds from a request's arrival to the end of its answer; longer ones end with an error",
           {.rule = whole_number(1, kSecondsMax), .shows_default = true});
  c.option(
      "--drain-time", a.drain_seconds,
      "Seconds that requests under way have when the server stops; then they end with an error. A second "
      "signal ends it at once",
      {.rule = whole_number(0, kSecondsMax), .shows_default = true});
}

}  // namespace

void add_serve_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c = program.command("serve", "The HTTP APIs and the console");
  c.footer(
      "Examples:\n  autark serve --api-key secret\n"
      "  curl -sf -H 'Authorization: Bearer secret' http://127.0.0.1:8080/v1/models");
  c.option("MODEL", a->model,
           "A path, or the name of a model that was pulled (" + std::string(hub::kDefaultModel) + ")");
  c.option("--host", a->host, "Where to listen", {.shows_default = true});
  c.option("--port", a->port, "0: any free one", {.rule = whole_number(0, 65535), .shows_default = true});
  c.option("--api-key", a->api_key,
           "Clients must send it, as 'Authorization: Bearer' or 'x-api-key'. White space around it is "
           "not part of it",
           {.variable = kKeyVariable, .given = &a->has_key});
  add_platform_of_server(c, a->platform);
  c.option("--cors", a->cors,
           "Pages of this origin may use the APIs from a browser, such as https://app.example:8443; * for "
           "any; may be given again",
           {.one_value_each = true, .kind = "ORIGIN"});
  c.option("--tls-cert", a->tls_certificate,
           "Serve HTTPS only, with this certificate: a PEM file, which may hold those of its issuers, too. "
           "It and the "
           "key are read again when they change",
           {.kind = "FILE"});
  c.option("--tls-key", a->tls_key, "The certificate's private key, a PEM file without a password",
           {.kind = "FILE"});
  c.option("--metrics-names", a->metrics_names,
           "vllm: /metrics also has the names under which dashboards look for vLLM's numbers",
           {.rule = one_of({"autark", "vllm"}), .shows_default = true});
  c.option("--name", a->name, "The model's name for clients");
  c.option("--alias", a->aliases, "A further name for the model; may be given again",
           {.one_value_each = true});
  c.option("--context", a->context, "Tokens of one request, prompt and answer; 0: what the model allows",
           {.rule = whole_number(0, kTokensMax), .shows_default = true});
  c.option("--threads", a->threads, "0: one per physical core, no more than affinity and quota allow",
           {.rule = whole_number(0, 4096), .shows_default = true});
  add_speculation_options(c, a->speculation);
  c.option("--chip", a->chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->rounding,
           "none, trained, exact or fast, see logits --help (what the rounding table says)");
  add_weight_cache_options(c, a->weight_cache);
  add_prefix_cache_options(c, a->prefix_cache);
  c.option("--thinking", a->thinking, "on or off, for requests that do not say (what the template does)",
           {.rule = one_of({"on", "off"})});
  c.option("--effort", a->effort, "How hard it thinks where a request does not say",
           {.rule = one_of(api::efforts())});
  add_limits(c, *a);
  add_state(c, *a);
  c.runs([a] {
    a->has_key = a->has_key || std::getenv(kKeyVariable);  // an empty variable is refused, not ignored
    return run(*a);
  });
}

}  // namespace autark::apps
