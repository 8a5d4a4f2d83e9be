# autark_console: the web page of console/ as bytes (src/serve/console.h). Node packages are installed and the page is built
# in AUTARK_CONSOLE_DIR, one folder for all presets; the source tree is not written to. With AUTARK_CONSOLE off the page is
# console/stub, and neither Node nor npm is needed.
set(console_source ${PROJECT_SOURCE_DIR}/console)
set(console_cc ${PROJECT_BINARY_DIR}/console_assets.cc)

if(AUTARK_CONSOLE)
  if(PROJECT_BINARY_DIR MATCHES "^${PROJECT_SOURCE_DIR}/build/")
    set(shared ${PROJECT_SOURCE_DIR}/build/console)
  else()
    set(shared ${PROJECT_BINARY_DIR}/console)
  endif()
  set(AUTARK_CONSOLE_DIR ${shared} CACHE PATH "Where the console is built")
  find_program(AUTARK_NPM npm REQUIRED)
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${console_source}/src/* ${console_source}/public/*)
  foreach(f package.json package-lock.json tsconfig.json vite.config.ts index.html)
    list(APPEND inputs ${console_source}/${f})
  endforeach()
  set(page ${AUTARK_CONSOLE_DIR}/dist)
  set(make_page COMMAND ${CMAKE_COMMAND} -DSOURCE=${console_source} -DDIR=${AUTARK_CONSOLE_DIR} -DNPM=${AUTARK_NPM}
      -DTESTS=${AUTARK_TESTS} -P ${PROJECT_SOURCE_DIR}/cmake/build_console.cmake)
else()
  file(GLOB_RECURSE inputs CONFIGURE_DEPENDS ${console_source}/stub/*)
  set(page ${console_source}/stub)
  set(make_page "")
endif()

add_custom_command(OUTPUT ${console_cc}
  ${make_page}
  COMMAND ${CMAKE_COMMAND} -DROOT=${page} -DOUT=${console_cc} -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  DEPENDS ${inputs} ${PROJECT_SOURCE_DIR}/cmake/build_console.cmake ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
  COMMENT "Building the console" VERBATIM)
add_library(autark_console OBJECT ${console_cc})
target_include_directories(autark_console PRIVATE ${PROJECT_SOURCE_DIR}/src)

if(AUTARK_CONSOLE AND AUTARK_TESTS)
  add_test(NAME console COMMAND ${AUTARK_NPM} test WORKING_DIRECTORY ${AUTARK_CONSOLE_DIR})
endif()
