# cmake -DSOURCE=console -DDIR=folder -DNPM=npm [-DTESTS=ON] -P cmake/build_console.cmake
# Copies the console's sources to DIR, installs its packages there when package-lock.json has changed since the
# last time, and builds DIR/dist. With TESTS the packages of the tests are installed too. Concurrent builds of several
# presets wait for each other.
file(MAKE_DIRECTORY ${DIR})
file(LOCK ${DIR}/lock TIMEOUT 900)

function(run what log)
  execute_process(COMMAND ${NPM} ${ARGN} WORKING_DIRECTORY ${DIR}
    OUTPUT_FILE ${log} ERROR_FILE ${log} RESULT_VARIABLE failed)
  if(failed)
    file(READ ${log} said)
    message(FATAL_ERROR "console: ${what} failed; the log is ${log}. AUTARK_CONSOLE=OFF builds without it.\n${said}")
  endif()
endfunction()

file(REMOVE_RECURSE ${DIR}/src ${DIR}/public)
foreach(f src public package.json package-lock.json tsconfig.json vite.config.ts index.html)
  file(COPY ${SOURCE}/${f} DESTINATION ${DIR})
endforeach()

# The packages contain programs for this Node version, so another version installs them again.
file(SHA256 ${DIR}/package-lock.json wanted)
execute_process(COMMAND node --version OUTPUT_VARIABLE node OUTPUT_STRIP_TRAILING_WHITESPACE)
set(wanted "${wanted} ${node}")
set(all "${wanted} with tests")
set(omit --omit=dev)
if(TESTS)
  set(wanted "${all}")
  set(omit "")
endif()
set(installed "")
if(EXISTS ${DIR}/installed)
  file(READ ${DIR}/installed installed)
endif()
if(NOT installed STREQUAL wanted AND NOT installed STREQUAL all)
  message(STATUS "console: installing Node packages")
  run("npm ci" ${DIR}/npm.log ci --no-audit --no-fund ${omit})
  file(WRITE ${DIR}/installed "${wanted}")
endif()
run("the build" ${DIR}/build.log run build)
