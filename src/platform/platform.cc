#include "platform/platform.h"
#include "platform/schema.h"

namespace autark::platform {
namespace {

// What a command may have to mend first, such as a member with two roles, is said and does not keep it out.
void separate(Directory& directory, PlatformFile& file) {
  const auto is_on = directory.separation();
  if (const bool* on = std::get_if<bool>(&is_on); on && *on) return;
  if (const auto fault = directory.set_separation(operator_of(""), true))
    file.remarks.push_back(file.path.string() + " asks for the separation of roles: " + fault->message);
}

}  // namespace

Result<Platform> open_platform(const std::filesystem::path& path, bool any_version) {
  AUTARK_TRY(PlatformFile file, read_platform_file(path));
  AUTARK_TRY(SecretBox box, SecretBox::open(file.key_file()));
  AUTARK_TRY(auto opened, storage::open_database(file.store));
  std::shared_ptr<storage::Database> database = std::move(opened);
  AUTARK_TRY(const int64_t version, database->version());
  const auto known = std::ssize(schema_steps());
  if (version > known)
    return Error{Code::unsupported, database->name() + " was changed by a newer autark; use that one"};
  if (version < known && !any_version)
    return Error{Code::unsupported, database->name() + " is of an older autark; make a backup, then run " +
                                        "'autark platform migrate --platform " + file.path.string() + "'"};
  auto directory = std::make_shared<Directory>(database);
  if (file.separation && version == known) separate(*directory, file);
  return Platform{std::move(file), std::move(box), std::move(database), std::move(directory)};
}

}  // namespace autark::platform
