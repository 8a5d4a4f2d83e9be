// The parsers of the syntaxes, for make_output_parser. REQUIRES: their input is valid UTF-8, cut between
// characters. Private to text/.
#pragma once
#include <memory>
#include "text/dialect.h"
#include "text/output_parser.h"

namespace autark::text {

std::unique_ptr<OutputParser> make_plain_parser(const ParserOptions& o);
std::unique_ptr<OutputParser> make_hermes_parser(const ParserOptions& o);
std::unique_ptr<OutputParser> make_dsml_parser(const ParserOptions& o);
std::unique_ptr<OutputParser> make_marked_parser(const Dialect& dialect, const ParserOptions& o);

}  // namespace autark::text
