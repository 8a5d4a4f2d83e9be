# Headers that many files include are compiled once per set and build: a set is an object library that has nothing else, and
# other targets reuse its compiled header. All users of a set are compiled with the same flags; files with other flags
# (kernels) have SKIP_PRECOMPILE_HEADERS. Every file still includes all headers that it uses: AUTARK_PRECOMPILE=OFF checks this.
option(AUTARK_PRECOMPILE "Precompile headers of the standard library and of others" ON)

# Templates that inline functions of a header use are instantiated in every file of the set, whether it needs them or not:
# nlohmann/json costs 0.1 s per file, so only the cold layers (cmake/layer.cmake), most of which use it, have it in their set.
set(AUTARK_HEADERS_std <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <filesystem>
    <fstream> <functional> <limits> <map> <memory> <mutex> <optional> <random> <set> <span> <string> <string_view>
    <thread> <unordered_map> <utility> <variant> <vector>)
set(AUTARK_HEADERS_json ${AUTARK_HEADERS_std} ${PROJECT_SOURCE_DIR}/src/base/json_library.h)
set(AUTARK_HEADERS_std_tests ${AUTARK_HEADERS_std} <gtest/gtest.h>)
set(AUTARK_HEADERS_json_tests ${AUTARK_HEADERS_json} <gtest/gtest.h>)
set(AUTARK_LIBS_json nlohmann_json::nlohmann_json)
set(AUTARK_LIBS_std_tests GTest::gtest)
set(AUTARK_LIBS_json_tests nlohmann_json::nlohmann_json GTest::gtest)

# autark_precompile(TARGET SET [OPTIONS flags...]): OPTIONS are the flags that TARGET has in addition to the common ones.
function(autark_precompile target set)
  cmake_parse_arguments(P "" "" "OPTIONS" ${ARGN})
  if(NOT AUTARK_PRECOMPILE)
    return()
  endif()
  string(MAKE_C_IDENTIFIER "autark_headers_${set}${P_OPTIONS}" headers)
  if(NOT TARGET ${headers})
    file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/${headers}.cc CONTENT "// Compiled for its precompiled headers only.\n")
    add_library(${headers} OBJECT ${PROJECT_BINARY_DIR}/${headers}.cc)
    target_compile_options(${headers} PRIVATE ${P_OPTIONS})
    target_link_libraries(${headers} PRIVATE ${AUTARK_LIBS_${set}} Threads::Threads)
    target_precompile_headers(${headers} PRIVATE ${AUTARK_HEADERS_${set}})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${headers})
endfunction()
