// Goal: a template has the Hermes syntax exactly if it writes Hermes calls. Method: small templates that
// write calls in the forms that published templates use.
#include <gtest/gtest.h>
#include <unistd.h>
#include <fstream>
#include "text/chat.h"

namespace autark::text {
namespace {

namespace fs = std::filesystem;

// A template that lists tools with `told` and writes each call as `call`, in which c is its function.
OutputSyntax form(const std::string& told, const std::string& call) {
  const fs::path file =
      fs::temp_directory_path() / ("autark_call_form_" + std::to_string(getpid()) + ".jinja");
  std::ofstream(file) << "{% if tools %}{{ tools | tojson }}" + told +
                             "{% endif %}{% for m in messages %}<{{ m.role }}>{{ m.content }}"
                             "{% for t in m.tool_calls or [] %}{% set c = t.function %}" +
                             call + "{% endfor %}{% endfor %}";
  auto chat = ChatTemplate::open(file, nullptr);
  fs::remove(file);
  return chat.value()->syntax();
}

TEST(F09_CallForm, HermesIsATagWithNameAndArguments) {
  for (const char* call :
       {"<tool_call>\n{\"name\": \"{{ c.name }}\", \"arguments\": {{ c.arguments | tojson }}}\n</tool_call>",
        "<tool_call>{\"arguments\": {{ c.arguments | tojson }}, \"name\": {{ c.name | tojson }}}</tool_call>",
        "<tool_call>{\"name\": \"{{ c.name }}\", \"parameters\": {{ c.arguments | tojson }}}</tool_call>",
        "<tool_call>{\"name\": \"{{ c.name }}\", \"arguments\": {% if c.arguments is string %}{{ c.arguments "
        "}}"
        "{% else %}{{ raise_exception('text') }}{% endif %}}</tool_call>",
        "<tool_call>{{ {'name': c.name, 'arguments': c.arguments} }}</tool_call>"})
    EXPECT_EQ(form("", call), OutputSyntax::hermes) << call;
}

TEST(F09_CallForm, OthersAreNot) {
  const char* arguments = "{{ c.arguments | tojson }}";
  for (const std::string& call : std::initializer_list<std::string>{
           std::string("{\"name\": \"{{ c.name }}\", \"parameters\": ") + arguments + "}<|eom|>",
           std::string("[TOOL_CALLS][{\"name\": \"{{ c.name }}\", \"arguments\": ") + arguments + "}]",
           "<tool_call>\n<function={{ c.name }}>\n{% for k in c.arguments %}<parameter={{ k }}>{{ "
           "c.arguments[k] "
           "}}</parameter>{% endfor %}</function>\n</tool_call>",
           "<tool_call>{{ c.name }}\n{% for k in c.arguments %}<arg_key>{{ k }}</arg_key>\n<arg_value>{{ "
           "c.arguments[k] }}</arg_value>{% endfor %}</tool_call>",
           std::string("<tool_call>{{ c.name }}(") + arguments + ")</tool_call>",
           std::string("<tool_call>[{\"name\": \"{{ c.name }}\", \"arguments\": ") + arguments +
               "}]</tool_call>",
           std::string("<tool_call>{\"tool\": \"{{ c.name }}\", \"input\": ") + arguments + "}</tool_call>",
           std::string("<tool_call>{\"function\": {\"name\": \"{{ c.name }}\", \"arguments\": ") + arguments +
               "}}</tool_call>",
           std::string("<|tool_call|>{\"name\": \"{{ c.name }}\", \"arguments\": ") + arguments + "}",
           std::string("<minimax:tool_call><invoke name=\"{{ c.name }}\">") + arguments + "</invoke>",
           std::string("<|channel|>commentary to=functions.{{ c.name }}<|message|>") + arguments})
    EXPECT_EQ(form("", call), OutputSyntax::plain) << call;
}

TEST(F09_CallForm, ATemplateThatShowsNoCallsIsBelieved) {
  EXPECT_EQ(form("<tool_call>\n{\"name\": <name>, \"arguments\": <arguments>}\n</tool_call>", ""),
            OutputSyntax::hermes);
  EXPECT_EQ(form("<tool_call>{'arguments': <dict>, 'name': <name>}</tool_call>", ""), OutputSyntax::hermes);
  EXPECT_EQ(form("<tool_call>{function-name}\n<arg_key>k</arg_key></tool_call>", ""), OutputSyntax::plain);
  EXPECT_EQ(form("<tool_call><function=f></function></tool_call>", ""), OutputSyntax::plain);
  EXPECT_EQ(form("", ""), OutputSyntax::plain);
}

}  // namespace
}  // namespace autark::text
