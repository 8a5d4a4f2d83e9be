# cmake -DROOT=folder -DOUT=file.cc -P cmake/embed.cmake
# Writes every file under ROOT into OUT as the bytes of autark::serve::console_assets() (src/serve/console.h).
set(type_html "text/html; charset=utf-8")
set(type_js "text/javascript; charset=utf-8")
set(type_css "text/css; charset=utf-8")
set(type_svg "image/svg+xml")
set(type_json "application/json")
set(type_png "image/png")
set(type_woff2 "font/woff2")

file(GLOB_RECURSE files RELATIVE ${ROOT} ${ROOT}/*)
list(SORT files)
set(arrays "")
set(rows "")
set(i 0)
foreach(f ${files})
  string(REGEX REPLACE ".*\\." "" extension ${f})
  if(NOT DEFINED type_${extension})
    message(FATAL_ERROR "${f}: no content type is known for .${extension}; add it to cmake/embed.cmake")
  endif()
  file(READ ${ROOT}/${f} hex HEX)
  string(REGEX REPLACE "(..)" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char kFile${i}[] = {${bytes}};\n")
  string(APPEND rows "    {\"/${f}\", \"${type_${extension}}\", {kFile${i}, sizeof kFile${i}}},\n")
  math(EXPR i "${i} + 1")
endforeach()
if(i EQUAL 0)
  message(FATAL_ERROR "${ROOT} holds no files to embed")
endif()
file(WRITE ${OUT}
  "#include \"serve/console.h\"\nnamespace autark::serve {\nnamespace {\n${arrays}"
  "constexpr Asset kAssets[] = {\n${rows}};\n}\n"
  "std::span<const Asset> console_assets() { return kAssets; }\n}\n")
