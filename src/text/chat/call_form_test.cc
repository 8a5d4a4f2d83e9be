// Goal: a template has the syntax whose calls it writes. Method: small templates that write calls in the forms
// that published templates use.
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

const std::string kArguments = "{{ c.arguments | tojson }}";

TEST(F09_CallForm, FormsWithoutAParserArePlain) {
  for (const std::string& call : std::initializer_list<std::string>{
           "<tool_call>{{ c.name }}(" + kArguments + ")</tool_call>",
           "<tool_call>[{\"name\": \"{{ c.name }}\", \"arguments\": " + kArguments + "}]</tool_call>",
           "<tool_call>{\"tool\": \"{{ c.name }}\", \"input\": " + kArguments + "}</tool_call>",
           "<tool_call>{\"function\": {\"name\": \"{{ c.name }}\", \"arguments\": " + kArguments +
               "}}</tool_call>",
           "<|tool_call|>{{ c.name }}: " + kArguments,
           "<minimax:tool_call><invoke name=\"{{ c.name }}\">" + kArguments + "</invoke>"})
    EXPECT_EQ(form("", call), OutputSyntax::plain) << call;
}

// A call with its arguments between `key`, `after_key` and `after_value`.
std::string tagged(const std::string& begin, const std::string& key, const std::string& after_key,
                   const std::string& after_value, const std::string& end) {
  return begin + "{% for k in c.arguments %}" + key + "{{ k }}" + after_key + "{{ c.arguments[k] }}" +
         after_value + "{% endfor %}" + end;
}

TEST(F09_CallForm, EveryDialectIsFound) {
  const std::pair<std::string, OutputSyntax> kForms[] = {
      {"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>{{ c.name }}\n```json\n" +
           kArguments + "\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
       OutputSyntax::deepseek_v3},
      {"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>{{ c.name }}<｜tool▁sep｜>" + kArguments +
           "<｜tool▁call▁end｜>",
       OutputSyntax::deepseek_v3_1},
      {"<|tool_calls_section_begin|><|tool_call_begin|>{{ t.id }}<|tool_call_argument_begin|>" + kArguments +
           "<|tool_call_end|><|tool_calls_section_end|>",
       OutputSyntax::kimi_k2},
      {tagged("<tool_call>{{ c.name }}\n", "<arg_key>", "</arg_key>\n<arg_value>", "</arg_value>",
              "</tool_call>"),
       OutputSyntax::glm4},
      {"<tool_calls>[{\"name\": \"{{ c.name }}\", \"arguments\": " + kArguments + "}]</tool_calls>",
       OutputSyntax::hunyuan},
      {tagged("<tool_calls>\n<tool_call>{{ c.name }}<tool_sep>\n", "<arg_key>", "</arg_key>\n<arg_value>",
              "</arg_value>", "</tool_call></tool_calls>"),
       OutputSyntax::hy3},
      {tagged("<tool_calls:opensource>\n<tool_call:opensource>{{ c.name }}<tool_sep:opensource>\n",
              "<arg_key:opensource>", "</arg_key:opensource>\n<arg_value:opensource>",
              "</arg_value:opensource>", "</tool_call:opensource>"),
       OutputSyntax::hy3_opensource},
      {"<response></response><tool_call>\n{\"name\": \"{{ c.name }}\", \"arguments\": " + kArguments +
           "}\n</tool_call>",
       OutputSyntax::ernie},
      {tagged("<minimax:tool_call><invoke name=\"{{ c.name }}\">", "<parameter name=\"", "\">",
              "</parameter>", "</invoke></minimax:tool_call>"),
       OutputSyntax::minimax_m2},
      {"<|start|>assistant<|channel|>commentary to=functions.{{ c.name }}<|message|>" + kArguments,
       OutputSyntax::harmony},
      {"{\"name\": \"{{ c.name }}\", \"parameters\": " + kArguments + "}<|eom|>", OutputSyntax::llama3},
      {"[TOOL_CALLS]{{ c.name }}[ARGS]" + kArguments, OutputSyntax::mistral},
      {"[TOOL_CALLS][{\"name\": \"{{ c.name }}\", \"arguments\": " + kArguments + "}]",
       OutputSyntax::mistral_list},
      {tagged("<tool_call>\n<function={{ c.name }}>\n", "<parameter=", ">\n", "\n</parameter>\n",
              "</function>\n</tool_call>"),
       OutputSyntax::qwen3_coder}};
  for (const auto& [call, syntax] : kForms) EXPECT_EQ(int(form("", call)), int(syntax)) << call;
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
