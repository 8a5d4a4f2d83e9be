#include "models/architecture.h"
#include "models/unread_tensors.h"

namespace autark {
namespace {

std::map<std::string, Architecture>& registry() {
  static std::map<std::string, Architecture> all;
  return all;
}

}  // namespace

const std::map<std::string, Architecture>& architectures() {
  return registry();
}

bool register_architecture(Architecture a) {
  const std::string name = a.name;
  return registry().emplace(name, std::move(a)).second;
}

Result<const Architecture*> find_architecture(const std::string& name) {
  const auto it = architectures().find(name);
  if (it != architectures().end()) return &it->second;
  std::string known;
  for (const auto& [other, entry] : architectures()) known += (known.empty() ? "" : ", ") + other;
  return Error{Code::unsupported, "architecture '" + name + "' is not one this program runs (" + known + ")"};
}

const DrafterKind* drafter_of(const Architecture& a, const Json& config) {
  for (const DrafterKind& k : a.drafters) {
    if (k.present(config)) return &k;
  }
  return nullptr;
}

Result<std::unique_ptr<Model>> bind(const Checkpoint& c) {
  AUTARK_TRY(const Architecture* a, find_architecture(c.architecture));
  if (a->check) {
    if (auto e = a->check(c)) return *e;
  }
  AUTARK_TRY(auto model, a->make(c.config, *c.weights));
  if (!a->check)  // which would have judged every tensor
    if (auto e = fault_of_unread(*c.weights, model->layers())) return *e;
  return model;
}

}  // namespace autark
