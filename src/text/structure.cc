#include "text/structure.h"
#include "base/json.h"
#include "text/crate_tokenizer.h"

namespace autark::text {
namespace {

struct Free {
  void operator()(autark_structures* s) const { autark_structures_free(s); }
  void operator()(autark_masks* m) const { autark_masks_free(m); }
};

const uint32_t* unsigned_of(std::span<const int32_t> ids) {
  return reinterpret_cast<const uint32_t*>(ids.data());
}

class CrateMasks final : public StructureMasks {
 public:
  explicit CrateMasks(autark_masks* m) : masks_(m) {}
  void prepare(std::span<const int32_t> ids) override {
    autark_masks_prepare(masks_.get(), unsigned_of(ids), ids.size());
  }
  Result<Mask> after(std::span<const int32_t> ids) override {
    autark_mask mask;
    autark_buffer error;
    if (!autark_masks_after(masks_.get(), unsigned_of(ids), ids.size(), &mask, &error))
      return Error{Code::internal, take(error)};
    return Mask{{mask.bits, mask.count}, mask.finished};
  }
  std::unique_ptr<StructureMasks> another() const override {
    autark_buffer error;
    autark_masks* m = autark_masks_another(masks_.get(), &error);
    if (m) return std::make_unique<CrateMasks>(m);
    take(error);
    return nullptr;
  }

 private:
  std::unique_ptr<autark_masks, Free> masks_;
};

StructureFault fault_of(const std::string& text) {
  const auto json = parse_json(text, "fault");
  using Why = StructureFault::Why;
  if (!json || !json->is_object()) return {.why = Why::complex, .message = text};
  const std::string why = json->value("why", "");
  return {why == "invalid" ? Why::invalid
          : why == "busy"  ? Why::busy
                           : Why::complex,
          json->value("place", ""), json->value("message", "")};
}

class CrateStructures final : public Structures {
 public:
  explicit CrateStructures(autark_structures* s) : structures_(s) {}
  std::unique_ptr<StructureMasks> known(StructureKind kind, std::string_view text) const override {
    autark_masks* m = autark_masks_known(structures_.get(), int(kind), borrow(text));
    return m ? std::make_unique<CrateMasks>(m) : nullptr;
  }
  std::unique_ptr<StructureMasks> compile(StructureKind kind, std::string_view text,
                                          StructureFault& fault) const override {
    autark_buffer error;
    autark_masks* m = autark_masks_new(structures_.get(), int(kind), borrow(text), &error);
    if (m) return std::make_unique<CrateMasks>(m);
    fault = fault_of(take(error));
    return nullptr;
  }

 private:
  std::unique_ptr<autark_structures, Free> structures_;
};

}  // namespace

Result<std::unique_ptr<Structures>> Structures::make(const Tokenizer& tokenizer,
                                                     std::span<const int32_t> ends,
                                                     std::span<const std::string> trial) {
  const auto size = size_t(tokenizer.size());
  std::vector<std::string> words(size);
  std::vector<autark_str> borrowed(size);
  const auto special = std::make_unique<bool[]>(size);
  for (size_t id = 0; id < size; ++id) {
    words[id] = tokenizer.bytes_of(int32_t(id));
    borrowed[id] = borrow(words[id]);
    special[id] = tokenizer.is_special(int32_t(id));
  }
  // Markup such as <tool_call> need not be special: it must not be written inside a text either.
  for (const std::string& spelling : tokenizer.markup()) {
    if (const auto id = tokenizer.id_of(spelling)) special[size_t(*id)] = true;
  }
  std::vector<autark_str> command;
  for (const std::string& word : trial) command.push_back(borrow(word));
  autark_buffer error;
  autark_structures* s = autark_structures_new(borrowed.data(), special.get(), size, unsigned_of(ends),
                                               ends.size(), command.data(), command.size(), &error);
  if (!s) return Error{Code::unsupported, take(error)};
  return std::unique_ptr<Structures>(std::make_unique<CrateStructures>(s));
}

std::string try_structure(std::string_view kind, std::string_view text) {
  autark_buffer answer;
  autark_structure_trial(borrow(kind), borrow(text), &answer);
  return take(answer);
}

}  // namespace autark::text
