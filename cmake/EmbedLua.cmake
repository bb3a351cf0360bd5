# Writes HEADER, which defines the text of SCRIPT as a string named after it. Run at build time by
# sluice_embed_lua. A line `-- @include other.lua` stands for the text of that file of the same
# folder; an included file includes nothing.

get_filename_component(file ${SCRIPT} NAME)
get_filename_component(folder ${SCRIPT} DIRECTORY)
string(MAKE_C_IDENTIFIER ${file} name)
file(READ ${SCRIPT} text)
string(REGEX MATCHALL "-- @include [^\n]+\n" includes "${text}")
foreach(line ${includes})
  string(REGEX REPLACE "-- @include ([^\n]+)\n" "\\1" included "${line}")
  file(READ ${folder}/${included} shared)
  string(REPLACE "${line}" "${shared}" text "${text}")
endforeach()
# One literal a line: compilers need not take a literal of more than 4095 characters, and a header
# that can be read is worth more than one that is short.
string(REPLACE "\\" "\\\\" text "${text}")
string(REPLACE "\"" "\\\"" text "${text}")
string(REPLACE "\n" "\\n\"\n    \"" text "${text}")
file(WRITE ${HEADER} "/* Made from ${file}: edit that. */\n"
     "static const char ${name}[] =\n    \"${text}\";\n")
