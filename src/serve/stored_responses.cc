#include "serve/stored_responses.h"
#include <algorithm>
#include <charconv>
#include <chrono>
#include <future>
#include "api/openai_responses_input.h"
#include "base/log.h"
#include "serve/pages.h"

namespace autark::serve {
namespace {

using Kind = api::ApiError::Kind;

constexpr int kChainMax = 4096;                          // responses of one conversation
constexpr size_t kConversationBytes = size_t{16} << 20;  // of all of them, and of all that references name
constexpr size_t kWaitingJobs = 4096, kWaitingBytes = size_t{256} << 20;

int64_t now_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// A text that this program wrote; an empty list if it is damaged.
Json parsed(const std::string& text) {
  auto json = parse_json(text, "a stored response");
  return json ? std::move(*json) : Json::array();
}

std::string text_at(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// Messages and references need not say their type.
std::string type_of(const Json& item) {
  const std::string type = text_at(item, "type");
  if (!type.empty() || !item.is_object()) return type;
  if (item.contains("role")) return "message";
  return text_at(item, "id").empty() ? type : "item_reference";
}

// The input as a list of items.
Json items_of(const Json& input) {
  if (input.is_array()) return input;
  if (!input.is_string()) return Json::array();
  return Json::array({{{"type", "message"},
                       {"role", "user"},
                       {"content", Json::array({{{"type", "input_text"}, {"text", input}}})}}});
}

const char* prefix_of(const std::string& type) {
  if (type == "message") return "msg_";
  if (type == "function_call") return "fc_";
  if (type == "function_call_output") return "fco_";
  if (type == "custom_tool_call") return "ctc_";
  if (type == "custom_tool_call_output") return "ctco_";
  return type == "reasoning" ? "rs_" : "item_";
}

// Gives every item an id and a type. The ids say to which response they belong, see response_of_item().
void name_items(Json& items, const std::string& response) {
  for (size_t i = 0; i < items.size(); ++i) {
    Json& item = items[i];
    if (!item.is_object() || !text_at(item, "id").empty()) continue;
    const std::string type = type_of(item);
    if (!type.empty()) item["type"] = type;
    item["id"] = prefix_of(type) + response + "_i" + std::to_string(i);
  }
}

// The response that has an item: "msg_ID_3" or "msg_ID_i3" belongs to "resp_ID". Empty for other forms.
std::string response_of_item(const std::string& item) {
  const size_t begin = item.find('_'), end = item.rfind('_');
  if (begin == item.npos || end <= begin + 1) return {};
  return "resp_" + item.substr(begin + 1, end - begin - 1);
}

const Json* item_named(const Json& items, const std::string& id) {
  for (const Json& item : items)
    if (text_at(item, "id") == id) return &item;
  return nullptr;
}

// The output items of a kept response object.
Json output_of(const storage::Response& kept) {
  const Json body = parsed(kept.body);
  return body.is_object() ? body.value("output", Json::array()) : Json::array();
}

api::ApiError fault_of_store(const Error& error, const std::string& id, const char* param) {
  if (error.code != Code::not_found) {
    log_error(error.message);
    return {.kind = Kind::internal, .message = "the server's store of responses failed; its log says why"};
  }
  const bool previous = std::string_view(param) == "previous_response_id";
  const std::string what = id.starts_with("chatcmpl-") ? "Chat completion" : "Response";
  return {.kind = previous ? Kind::invalid : Kind::not_found,
          .message = what + " with id '" + id.substr(0, 100) + "' not found.",
          .param = param,
          .code = previous ? "previous_response_not_found" : "not_found"};
}

// About the size of the items' text.
size_t size_of(const Json& items) {
  if (items.is_string()) return items.get_ref<const std::string&>().size();
  size_t bytes = 0;
  if (items.is_structured())
    for (const Json& item : items) bytes += size_of(item);
  return bytes;
}

Json opened_reasoning(const Json& item, const std::string& text) {
  Json out = item;
  out.erase("encrypted_content");
  out["content"] = Json::array({{{"type", "reasoning_text"}, {"text", text}}});
  return out;
}

Json opened_compaction(const std::string& text) {
  return {{"type", "message"}, {"role", "developer"}, {"content", text}};
}

// Replaces what is encrypted by its content. Every item keeps its place in the list: reasoning that no key
// opens becomes empty reasoning.
void open_sealed(Json& items, const Seal& seal) {
  for (Json& item : items) {
    const std::string type = type_of(item), sealed = text_at(item, "encrypted_content");
    if (sealed.empty() || (type != "reasoning" && type != "compaction")) continue;
    const auto text = seal.open(sealed);
    if (type == "reasoning")
      item = text ? opened_reasoning(item, *text) : Json{{"type", type}, {"summary", Json::array()}};
    else
      item = opened_compaction(text.value_or("[compaction left out]"));
  }
}

}  // namespace

StoredResponses::StoredResponses(std::shared_ptr<storage::Store> store, std::shared_ptr<const Seal> seal)
    : store_(std::move(store)),
      seal_(std::move(seal)),
      writer_(std::make_unique<http::Workers>(
          http::Workers::Limits{.threads = 1, .jobs = kWaitingJobs, .bytes = kWaitingBytes})) {
  tidy();
}

StoredResponses::~StoredResponses() {
  writer_.reset();
}

// A reference whose item is not found stays as it is.
std::optional<api::ApiError> StoredResponses::put_in_place(const std::string& owner, Json& items) const {
  std::map<std::string, Json> known;  // by response: all its items
  size_t bytes = 0;                   // read from the store and put in place
  for (Json& item : items) {
    if (type_of(item) != "item_reference") continue;
    const std::string name = text_at(item, "id"), response = response_of_item(name);
    if (response.empty()) continue;
    if (!known.contains(response)) {
      const auto kept = load(owner, response, "input");
      const auto* found = std::get_if<Kept>(&kept);
      if (found) bytes += (*found)->body.size() + (*found)->input.size();
      known[response] = found ? parsed((*found)->input) : Json::array();
      if (found)
        for (Json& out : output_of(**found)) known[response].push_back(std::move(out));
    }
    if (const Json* found = item_named(known[response], name)) {
      bytes += dump_json(*found).size();
      item = Json(*found);
    }
    if (bytes > kConversationBytes || std::ssize(known) > kChainMax)
      return api::ApiError{.message = "the items that item_reference names are too large together",
                           .param = "input"};
  }
  return {};
}

std::optional<api::ApiError> StoredResponses::expand(const std::string& owner, Json& body,
                                                     const std::string& id, Draft& draft) const {
  if (!body.is_object()) return {};
  body.erase(api::kPreviousItems);
  const auto input = body.find("input");
  const bool given = input != body.end();
  if (given && !input->is_string() && !input->is_array()) return {};  // the dialect says what is wrong
  Json own = given ? items_of(*input) : Json::array();
  if (auto fault = put_in_place(owner, own)) return fault;
  name_items(own, id);
  draft = {.previous = text_at(body, "previous_response_id"), .input = own, .bytes = size_of(own)};
  open_sealed(own, *seal_);
  if (given) body["input"] = std::move(own);
  if (draft.previous.empty()) return {};
  Json before = Json::array();
  if (auto fault = put_before(owner, draft.previous, before)) return fault;
  open_sealed(before, *seal_);
  body[api::kPreviousItems] = std::move(before);
  return {};
}

// Reads the chain from its end, then adds the items from its beginning.
std::optional<api::ApiError> StoredResponses::put_before(const std::string& owner,
                                                         const std::string& previous, Json& items) const {
  std::vector<Kept> chain;
  size_t bytes = 0;
  for (std::string id = previous; !id.empty(); id = chain.back()->previous) {
    if (!id.starts_with("resp_")) return fault_of_store({Code::not_found, ""}, id, "previous_response_id");
    auto kept = load(owner, id, "previous_response_id");
    if (auto* fault = std::get_if<api::ApiError>(&kept)) return std::move(*fault);
    chain.push_back(std::get<Kept>(std::move(kept)));
    bytes += chain.back()->body.size() + chain.back()->input.size();
    if (std::ssize(chain) > kChainMax || bytes > kConversationBytes)
      return api::ApiError{.message = "the conversation that previous_response_id continues is too long",
                           .param = "previous_response_id"};
  }
  for (auto kept = chain.rbegin(); kept != chain.rend(); ++kept) {
    for (Json& item : parsed((*kept)->input)) items.push_back(std::move(item));
    for (Json& item : output_of(**kept)) items.push_back(std::move(item));
  }
  return {};
}

// The writer has its own thread and queue; if the queue is full the answer is not kept, and the log says so.
void StoredResponses::keep(const std::string& owner, const std::string& id, size_t bytes,
                           std::function<std::string()> body, std::shared_ptr<const Draft> draft) {
  const auto waiting = std::make_shared<Waiting>();
  waiting->response = {.id = id,
                       .owner = owner,
                       .previous = draft->previous,
                       .created = now_seconds(),
                       .body = {},
                       .input = {}};
  waiting->body = std::move(body);
  waiting->draft = std::move(draft);
  {
    const std::lock_guard lock(mutex_);
    waiting_[id] = waiting;
  }
  if (writer_->post(bytes + waiting->draft->bytes, [this, waiting] { write(waiting); })) return;
  log_warning(id + ": the answer is not kept, too many wait to be written");
  const std::lock_guard lock(mutex_);
  waiting_.erase(id);
}

// Its texts are made by the writer, or by a reader who comes before it.
StoredResponses::Kept StoredResponses::whole(const std::shared_ptr<Waiting>& waiting) {
  std::call_once(waiting->once, [&] {
    waiting->response.body = waiting->body();
    waiting->response.input = dump_json(waiting->draft->input);
    waiting->body = nullptr;
    waiting->draft.reset();
  });
  return Kept(waiting, &waiting->response);
}

// An answer that was deleted while it waited is not written.
void StoredResponses::write(const std::shared_ptr<Waiting>& waiting) {
  const std::string& id = waiting->response.id;
  const auto still_waits = [&] {
    const auto at = waiting_.find(id);
    return at != waiting_.end() && at->second == waiting;
  };
  {
    const std::lock_guard lock(mutex_);
    if (!still_waits()) return;
  }
  if (const auto fault = store_->keep(*whole(waiting))) log_warning(id + ": " + fault->message);
  const std::lock_guard lock(mutex_);
  if (still_waits()) waiting_.erase(id);
}

void StoredResponses::tidy() {
  writer_->post(0, [this] {
    if (const auto fault = store_->tidy(now_seconds())) log_warning(fault->message);
  });
}

api::ApiResult<StoredResponses::Kept> StoredResponses::load(const std::string& owner, const std::string& id,
                                                            const char* param) const {
  std::shared_ptr<Waiting> waiting;
  {
    const std::lock_guard lock(mutex_);
    const auto at = waiting_.find(id);
    if (at != waiting_.end() && at->second->response.owner == owner) waiting = at->second;
  }
  if (waiting) return whole(waiting);
  auto found = store_->find(id, owner, now_seconds());
  if (!found) return fault_of_store(found.error(), id, param);
  return Kept(std::make_shared<storage::Response>(std::move(*found)));
}

api::ApiResult<Json> StoredResponses::find(const std::string& owner, const std::string& id) const {
  auto kept = load(owner, id, "");
  if (auto* fault = std::get_if<api::ApiError>(&kept)) return std::move(*fault);
  return parsed(std::get<Kept>(kept)->body);
}

api::ApiResult<Json> StoredResponses::input(const std::string& owner, const std::string& id) const {
  auto kept = load(owner, id, "");
  if (auto* fault = std::get_if<api::ApiError>(&kept)) return std::move(*fault);
  return parsed(std::get<Kept>(kept)->input);
}

void StoredResponses::forget_waiting(const std::string& id) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(id);
}

// The writer does it once more: it may be writing the object as it was.
std::optional<api::ApiError> StoredResponses::change(const std::string& owner, const std::string& id,
                                                     const std::function<void(Json&)>& how) {
  auto kept = load(owner, id, "");
  if (auto* fault = std::get_if<api::ApiError>(&kept)) return std::move(*fault);
  auto changed = std::make_shared<storage::Response>(*std::get<Kept>(kept));
  Json body = parsed(changed->body);
  how(body);
  changed->body = dump_json(body);
  forget_waiting(id);
  writer_->post(changed->body.size(), [this, changed] { (void)store_->keep(*changed); });
  if (const auto fault = store_->keep(*changed)) return fault_of_store(*fault, id, "");
  return {};
}

api::ApiResult<std::vector<Json>> StoredResponses::list(const std::string& owner, const std::string& prefix,
                                                        const std::string& after, bool newest_first,
                                                        int most) {
  std::promise<void> written;
  if (writer_->post(0, [&] { written.set_value(); })) written.get_future().wait();
  auto found = store_->list(prefix, owner, after, newest_first, most, now_seconds());
  if (!found) return fault_of_store(found.error(), prefix, "");
  std::vector<Json> bodies;
  for (const storage::Response& r : *found) bodies.push_back(parsed(r.body));
  return bodies;
}

// Waits for the writer first, so that a waiting answer does not appear again.
std::optional<api::ApiError> StoredResponses::erase(const std::string& owner, const std::string& id) {
  auto kept = load(owner, id, "");
  if (auto* fault = std::get_if<api::ApiError>(&kept)) return std::move(*fault);
  forget_waiting(id);
  writer_->post(0, [this, owner, id] { store_->erase(id, owner, now_seconds()); });
  const auto fault = store_->erase(id, owner, now_seconds());
  if (fault && fault->code != Code::not_found) return fault_of_store(*fault, id, "");
  return {};
}

api::ApiResult<Json> StoredResponses::input_items(const std::string& owner, const std::string& id,
                                                  const std::string& query) const {
  auto items = input(owner, id);
  if (std::holds_alternative<api::ApiError>(items)) return items;
  return page_of(std::get<Json>(std::move(items)), query, "desc");
}

}  // namespace autark::serve
