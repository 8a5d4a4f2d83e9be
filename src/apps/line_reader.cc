#include "apps/line_reader.h"
#include <fcntl.h>
#include <fmt/core.h>
#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <cwchar>
#include <string_view>
#include <system_error>
#include "apps/terminal.h"

namespace autark::apps {
namespace {

namespace fs = std::filesystem;

constexpr int kHistoryLines = 1000;
constexpr uintmax_t kHistoryBytesMax = 4 << 20;
constexpr size_t kHistoryLineMax = 4096, kPasteMax = 1 << 20;
constexpr const char kMark[] = "\1";  // surrounds the parts of the prompt that are not visible

bool is_terminal() {
  const char* kind = std::getenv("TERM");
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && kind && *kind &&
         std::string_view(kind) != "dumb";
}

// The editor decodes input by the locale. If the locale has single bytes only, UTF-8 is used.
void choose_locale() {
  std::setlocale(LC_CTYPE, "");
  if (MB_CUR_MAX == 1) std::setlocale(LC_CTYPE, "C.UTF-8");
}

std::string coloured(const std::string& prompt) {
  const char* none = std::getenv("NO_COLOR");
  if (none && *none) return prompt;
  return std::string(kMark) + "\x1b[1m" + kMark + prompt + kMark + "\x1b[0m" + kMark;
}

// Reads one character for the editor. Returns 1, −1 if Ctrl-C came first, or 0 at the end of input.
int read_character(EditLine*, wchar_t* to) {
  std::mbstate_t state{};
  for (;;) {
    char byte;
    if (!wait_for_input()) return -1;
    const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return int(n);
    if (byte == '\0') continue;  // a Ctrl-D typed before the editor had set up the terminal
    const size_t used = std::mbrtowc(to, &byte, 1, &state);
    if (used != size_t(-1) && used != size_t(-2)) return 1;
    if (used == size_t(-1)) state = {};  // not a valid character: skipped
  }
}

// The pasted text with \n as line ends, without other control characters except tabs and without line ends at
// its end.
std::wstring cleaned(const std::wstring& pasted) {
  std::wstring text;
  for (const wchar_t c : pasted) {
    if (c == L'\r' || c == L'\n')
      text += L'\n';
    else if (c == L'\t' || (c >= L' ' && c != 0x7f))
      text += c;
  }
  text.resize(text.find_last_not_of(L'\n') + 1);
  return text;
}

// The editor calls this at the sequence with which a terminal begins a paste. Reads to the closing sequence;
// characters beyond kPasteMax are left out.
unsigned char insert_pasted(EditLine* editor, int) {
  constexpr std::wstring_view kEnd = L"\x1b[201~";
  std::wstring text;
  for (wchar_t c; !text.ends_with(kEnd);) {
    if (el_wgetc(editor, &c) != 1) return CC_EOF;
    text += c;
    if (text.size() > kPasteMax + kEnd.size()) text.erase(kPasteMax, 1);
  }
  text.resize(text.size() - kEnd.size());
  return el_winsertstr(editor, cleaned(text).c_str()) == 0 ? CC_REFRESH : CC_ERROR;
}

void bind_keys(EditLine* editor) {
  el_set(editor, EL_ADDFN, "autark-paste", "insert what is pasted", insert_pasted);
  constexpr const char* kKeys[][2] = {{"\\e[200~", "autark-paste"},  {"^R", "em-inc-search-prev"},
                                      {"^W", "ed-delete-prev-word"}, {"\\e[3~", "ed-delete-next-char"},
                                      {"\\e[1~", "ed-move-to-beg"},  {"\\e[4~", "ed-move-to-end"},
                                      {"\\e[H", "ed-move-to-beg"},   {"\\e[F", "ed-move-to-end"},
                                      {"\\e[1;5D", "ed-prev-word"},  {"\\e[1;5C", "em-next-word"}};
  for (const auto& [key, verb] : kKeys) el_set(editor, EL_BIND, key, verb, nullptr);
}

}  // namespace

fs::path history_path() {
  const char *state = std::getenv("XDG_STATE_HOME"), *home = std::getenv("HOME");
  if (state && *state == '/') return fs::path(state) / "autark" / "history";
  return home && *home ? fs::path(home) / ".local/state/autark/history" : fs::path();
}

// libedit with a history and our key bindings.
struct LineReader::Editor {
  explicit Editor(const fs::path& file)
      : history(history_init()), editor(el_init("autark", stdin, stdout, stderr)), file(file) {
    el_set(editor, EL_CLIENTDATA, this);
    el_set(editor, EL_PROMPT_ESC, prompt_of, kMark[0]);
    el_set(editor, EL_EDITOR, "emacs");
    el_set(editor, EL_SIGNAL, 0);
    el_set(editor, EL_GETCFN, read_character);
    bind_keys(editor);
    HistEvent event;
    ::history(history, &event, H_SETSIZE, kHistoryLines);
    ::history(history, &event, H_SETUNIQUE, 1);
    el_set(editor, EL_HIST, ::history, history);
    el_source(editor, nullptr);
    std::error_code failed;
    const bool sane = fs::is_regular_file(file, failed) && fs::file_size(file, failed) <= kHistoryBytesMax;
    if (sane) ::history(history, &event, H_LOAD, file.c_str());
  }
  ~Editor() {
    el_end(editor);
    history_end(history);
  }

  static char* prompt_of(EditLine* editor) {
    Editor* self = nullptr;
    el_get(editor, EL_CLIENTDATA, &self);
    return self->prompt.data();
  }

  Line read() {
    int count = 0;
    el_set(editor, EL_PREP_TERM, 1);  // before the prompt, so that early keys reach the editor
    fmt::print("\x1b[?2004h");        // turns bracketed paste on
    const char* line = el_gets(editor, &count);
    fmt::print("\x1b[?2004l");
    std::fflush(stdout);
    if (Interrupts::take()) return interrupted();
    if (!line || count <= 0) return {Line::How::end, {}};
    std::string text(line, size_t(count));
    if (text.ends_with('\n')) text.pop_back();
    remember(text);
    return {Line::How::line, std::move(text)};
  }

  // Ends the line after Ctrl-C and returns what had been typed.
  Line interrupted() {
    const LineInfo* typed = el_line(editor);
    std::string text(typed->buffer, typed->lastchar);
    el_reset(editor);
    fmt::print("^C\n");
    return {Line::How::interrupted, std::move(text)};
  }

  // Adds a line to the history and writes the file. If it cannot be written, says so once and stops
  // writing it.
  void remember(const std::string& text) {
    if (text.find_first_not_of(" \t\n") == text.npos || text.size() > kHistoryLineMax) return;
    HistEvent event;
    ::history(history, &event, H_ENTER, text.c_str());
    if (!file.empty() && !write()) {
      fmt::print(stderr, "(The history is not kept: {} cannot be written.)\n", file.string());
      file.clear();
    }
  }

  // Writes the history file, readable by its owner only, by replacing the old one as a whole.
  bool write() {
    std::error_code failed;
    fs::create_directories(file.parent_path().parent_path(), failed);
    ::mkdir(file.parent_path().c_str(), 0700);
    std::string beside = file.string() + ".XXXXXX";
    const int fd = ::mkstemp(beside.data());
    FILE* to = fd < 0 ? nullptr : ::fdopen(fd, "w");
    if (!to) return false;
    HistEvent event;
    bool whole = ::history(history, &event, H_SAVE_FP, to) >= 0;
    whole = std::fclose(to) == 0 && whole && std::rename(beside.c_str(), file.c_str()) == 0;
    if (!whole) ::unlink(beside.c_str());
    return whole;
  }

  History* history;
  EditLine* editor;
  std::string prompt;
  fs::path file;  // empty: the history is not kept
};

LineReader::LineReader(const fs::path& history) {
  if (!is_terminal()) return;
  choose_locale();
  editor_ = std::make_unique<Editor>(history);
}

LineReader::~LineReader() = default;

LineReader::Line LineReader::read(const std::string& prompt) {
  if (editor_) {
    editor_->prompt = coloured(prompt);
    return editor_->read();
  }
  FILE* to = isatty(STDOUT_FILENO) == 1 ? stdout : stderr;
  if (isatty(fileno(to)) == 1) fmt::print(to, "{}", prompt);
  std::fflush(to);
  auto line = read_line();
  if (Interrupts::take()) return {Line::How::interrupted, {}};
  if (!line) return {Line::How::end, {}};
  return {Line::How::line, std::move(*line)};
}

}  // namespace autark::apps
