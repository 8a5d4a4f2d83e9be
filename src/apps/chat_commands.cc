#include "apps/chat_commands.h"
#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <utility>

namespace autark::apps {
namespace {

constexpr const char* kHelp = R"(  /help                show this list
  /clear               forget the conversation; the system message stays
  /system [TEXT]       show or change the system message ("" for none)
  /set [NAME VALUE]    show or change a setting; the value "default" restores it
  /save FILE           save the conversation to a file
  /load FILE           continue a saved conversation
  /bye                 leave; so do Ctrl-D, and Ctrl-C twice
  """                  begins and ends a message of several lines
  //TEXT               a message that begins with /
)";

// The first word of a text, and the rest without white space around it.
struct Words {
  std::string_view first, rest;
};

Words split(std::string_view text) {
  const size_t end = std::min(text.find_first_of(" \t\r\n"), text.size());
  return {text.substr(0, end), trimmed(text.substr(end))};
}

Reaction show(std::string text) {
  return {Reaction::Kind::show, std::move(text)};
}

// "x y" → x y
std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

std::filesystem::path path_of(std::string_view text) {
  text = unquoted(text);
  const char* home = std::getenv("HOME");
  if (home && text.starts_with("~/")) return std::filesystem::path(home) / text.substr(2);
  return text;
}

// /system. A quoted empty text removes the message; without a text it is shown.
Reaction system(const Input& input, std::string_view text, ChatState& chat) {
  std::string& now = chat.said.system;
  if (text.empty() && !input.quoted) return show(now.empty() ? "There is no system message." : now);
  now = input.quoted ? text : unquoted(text);
  return show(now.empty() ? "There is no system message now."
                          : "The system message is changed from the next message on.");
}

// /set, with the forms that other programs use: /set parameter NAME VALUE, /set system TEXT, /set think.
Reaction change(const Input& input, std::string_view text, ChatState& chat) {
  Words w = split(text);
  if (w.first == "parameter") w = split(w.rest);
  if (w.first.empty()) return show(listed(chat.settings));
  if (w.first == "system") return system(input, w.rest, chat);
  if (w.first == "think" || w.first == "nothink") w = {"thinking", w.first == "think" ? "on" : "off"};
  if (w.rest.empty()) return show(fmt::format("/set NAME VALUE; the names are {}", names_of_settings()));
  if (const auto error = set(chat.settings, chat.usual, w.first, unquoted(w.rest)))
    return show(error->message);
  return show(fmt::format("{} is {} from the next message on.", w.first, unquoted(w.rest)));
}

Reaction keep(std::string_view text, const ChatState& chat) {
  if (text.empty()) return show("/save FILE");
  const auto path = path_of(text);
  if (const auto error = save(chat.said, path)) return show(error->message);
  return show(fmt::format("{} messages are kept in {}", chat.said.items.size(), path.string()));
}

Reaction go_on(std::string_view text, ChatState& chat) {
  if (text.empty()) return show("/load FILE");
  const auto path = path_of(text);
  auto loaded = load_conversation(path);
  if (!loaded) return show(loaded.error().message);
  chat.said = std::move(*loaded);
  return show(fmt::format("{} messages from {}; the next message continues them", chat.said.items.size(),
                          path.string()));
}

Reaction unknown(std::string_view word) {
  return show(
      fmt::format("There is no command {}; /help lists them. A message that begins with / is written with "
                  "// or a space in front.",
                  word.substr(0, 100)));
}

Reaction command(const Input& input, ChatState& chat) {
  const auto [name, text] = split(input.text);
  if (name == "/help" || name == "/?") return show(kHelp + fmt::format("settings: {}", names_of_settings()));
  if (name == "/bye" || name == "/exit" || name == "/quit") return {Reaction::Kind::leave, {}};
  if (name == "/system") return system(input, text, chat);
  if (name == "/set") return change(input, text, chat);
  if (name == "/save") return keep(text, chat);
  if (name == "/load") return go_on(text, chat);
  if (name != "/clear") return unknown(name);
  chat.said.items.clear();
  return show("The conversation is forgotten; the system message stays.");
}

}  // namespace

Reaction react(const Input& input, ChatState& chat) {
  if (trimmed(input.text).empty()) return show({});
  if (input.command) return command(input, chat);
  const bool escaped = !input.quoted && input.text.starts_with("//");
  return {Reaction::Kind::send, input.text.substr(escaped ? 1 : 0)};
}

}  // namespace autark::apps
