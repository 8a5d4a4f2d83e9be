# autark_catalogue(TARGET): compiles catalogue/*.toml into TARGET as hub::catalogue_files() (src/hub/catalogue.h).
function(autark_catalogue target)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/catalogue/*.toml)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(rows "")
  foreach(f ${files})
    get_filename_component(name ${f} NAME)
    string(REGEX REPLACE "\\.toml$" "" name ${name})
    file(READ ${f} text)
    string(APPEND rows "    {\"${name}\", R\"toml(${text})toml\"},\n")
  endforeach()
  set(out ${PROJECT_BINARY_DIR}/catalogue_files.cc)
  file(CONFIGURE OUTPUT ${out} CONTENT "#include \"hub/catalogue.h\"
namespace autark::hub {
std::span<const CatalogueFile> catalogue_files() {
  static constexpr CatalogueFile kFiles[] = {\n@rows@  };
  return kFiles;
}
}  // namespace autark::hub
" @ONLY)
  target_sources(${target} PRIVATE ${out})
endfunction()
