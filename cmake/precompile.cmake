# Headers that many files include are compiled once per set and build: a set is an object library that holds nothing
# else, and others take its file. All users of a set are compiled with the same flags; what has flags of its own
# (kernels) says SKIP_PRECOMPILE_HEADERS. Files still include what they use: AUTARK_PRECOMPILE=OFF shows it.
option(AUTARK_PRECOMPILE "Precompile headers of the standard library and of others" ON)

# A header whose inline functions use templates has them instantiated in every file that its set reaches, needed or not:
# nlohmann/json costs each 0.4 s, so only layers that speak JSON take it.
set(AUTARK_HEADERS_std <algorithm> <array> <atomic> <charconv> <chrono> <cmath> <cstdint> <cstring> <deque> <filesystem>
    <fstream> <functional> <limits> <map> <memory> <mutex> <optional> <random> <set> <span> <string> <string_view>
    <thread> <unordered_map> <utility> <variant> <vector>)
set(AUTARK_HEADERS_json ${AUTARK_HEADERS_std} <nlohmann/json.hpp>)
set(AUTARK_HEADERS_std_tests ${AUTARK_HEADERS_std} <gtest/gtest.h>)
set(AUTARK_HEADERS_json_tests ${AUTARK_HEADERS_json} <gtest/gtest.h>)
set(AUTARK_LIBS_json nlohmann_json::nlohmann_json)
set(AUTARK_LIBS_std_tests GTest::gtest)
set(AUTARK_LIBS_json_tests nlohmann_json::nlohmann_json GTest::gtest)

# autark_precompile(TARGET SET [OPTIONS flags...]): the flags are those that TARGET has beyond all others.
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
