# The Rust half of src/text: one static library, built by cargo with its lock file.
# All build presets share one cargo folder (a build takes minutes, and sanitizers do not reach into it).
set(AUTARK_CRATES_DIR ${CMAKE_BINARY_DIR}/../crates CACHE PATH "Where cargo builds the crates of src/text")
cmake_path(ABSOLUTE_PATH AUTARK_CRATES_DIR NORMALIZE OUTPUT_VARIABLE crates_dir)
set(crates_source ${PROJECT_SOURCE_DIR}/src/text/crates)
set(crates_library ${crates_dir}/release/libautark_text.a)
find_program(AUTARK_CARGO cargo HINTS $ENV{HOME}/.cargo/bin REQUIRED)
file(GLOB_RECURSE crates_files CONFIGURE_DEPENDS ${crates_source}/src/*.rs ${crates_source}/Cargo.toml ${crates_source}/Cargo.lock)

add_custom_command(
  OUTPUT ${crates_library}
  COMMAND ${CMAKE_COMMAND} -E env --unset=RUSTFLAGS ${AUTARK_CARGO} build --release --locked --quiet
          --manifest-path ${crates_source}/Cargo.toml --target-dir ${crates_dir}
  COMMAND ${CMAKE_COMMAND} -E touch ${crates_library}
  DEPENDS ${crates_files}
  COMMENT "Building the text crates (cargo; a first build takes some minutes)"
  VERBATIM)
add_custom_target(autark_crates_build DEPENDS ${crates_library})

add_library(autark_crates INTERFACE)
add_dependencies(autark_crates autark_crates_build)
target_link_libraries(autark_crates INTERFACE ${crates_library} Threads::Threads ${CMAKE_DL_LIBS} m)
if(AUTARK_TESTS AND NOT AUTARK_SANITIZE)
  add_test(NAME text/crates
    COMMAND ${CMAKE_COMMAND} -E env --unset=RUSTFLAGS ${AUTARK_CARGO} test --release --locked --quiet
            --manifest-path ${crates_source}/Cargo.toml --target-dir ${crates_dir})
endif()
