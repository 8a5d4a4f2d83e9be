#include "api/client_tools.h"
#include <initializer_list>

namespace autark::api {
namespace {

Json text(const char* about) {
  return {{"type", "string"}, {"description", about}};
}
Json whole_number(const char* about) {
  return {{"type", "integer"}, {"description", about}};
}
Json one_of(std::initializer_list<const char*> commands) {
  Json list = Json::array();
  for (const char* c : commands) list.push_back(c);
  return {{"type", "string"}, {"enum", std::move(list)}};
}

Json function(const char* about, Json properties, Json required) {
  return {{"description", about},
          {"parameters",
           {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}};
}

Json bash() {
  return function("Runs commands in a bash shell that lives through the conversation.",
                  {{"command", text("The command to run; needed unless restart is true.")},
                   {"restart", {{"type", "boolean"}, {"description", "Starts the shell anew."}}}},
                  Json::array());
}

Json view_range() {
  return {{"type", "array"},
          {"items", {{"type", "integer"}}},
          {"description", "For view: the first and the last line to show; -1 for the end of the file."}};
}

// The properties that editing a file and editing memory have in common.
Json file_properties(Json commands) {
  return {
      {"command", std::move(commands)},
      {"path", text("The absolute path of the file or folder.")},
      {"file_text", text("For create: the text of the new file.")},
      {"old_str", text("For str_replace: the text to replace, which occurs exactly once.")},
      {"new_str", text("For str_replace: the new text.")},
      {"insert_line", whole_number("For insert: the line after which the text is put; 0 for the beginning.")},
      {"view_range", view_range()}};
}

// Older versions insert `new_str` and can undo.
Json text_editor(bool old) {
  Json properties = file_properties(old ? one_of({"view", "create", "str_replace", "insert", "undo_edit"})
                                        : one_of({"view", "create", "str_replace", "insert"}));
  if (old)
    properties["new_str"]["description"] = "For str_replace and insert: the new text.";
  else
    properties["insert_text"] = text("For insert: the text to put there.");
  return function("Views, creates and edits text files.", std::move(properties),
                  Json::array({"command", "path"}));
}

Json memory() {
  Json properties = file_properties(one_of({"view", "create", "str_replace", "insert", "delete", "rename"}));
  properties["insert_text"] = text("For insert: the text to put there.");
  properties["old_path"] = text("For rename: the path now.");
  properties["new_path"] = text("For rename: the new path.");
  return function("Keeps notes in files below /memories from one conversation to the next.",
                  std::move(properties), Json::array({"command"}));
}

}  // namespace

std::optional<Json> client_tool(const std::string& type) {
  if (type.starts_with("bash_")) return bash();
  if (type.starts_with("memory_")) return memory();
  if (type.starts_with("text_editor_")) return text_editor(type < "text_editor_20250728");
  return {};
}

}  // namespace autark::api
