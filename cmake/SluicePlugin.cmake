# Plugins and their scripts. Stands alone: the installed CMake package includes this same file.

set(SLUICE_CMAKE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR})

# sluice_embed_lua(TARGET script.lua...)
#
# Each script becomes a header: take.lua is included as "take.lua.h", which defines
# `static const char take_lua[]`. A line `-- @include common.lua` in a script stands for that file's
# text.
function(sluice_embed_lua target)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/lua)
  foreach(script ${ARGN})
    get_filename_component(name ${script} NAME_WE)
    get_filename_component(path ${script} ABSOLUTE)
    set(header ${folder}/${name}.lua.h)
    get_source_file_property(made ${header} GENERATED) # for another target of this folder
    if(NOT made)
      file(STRINGS ${path} includes REGEX "^-- @include ")
      list(TRANSFORM includes REPLACE "^-- @include " "${CMAKE_CURRENT_SOURCE_DIR}/")
      add_custom_command(
        OUTPUT ${header}
        COMMAND ${CMAKE_COMMAND} -DSCRIPT=${path} -DHEADER=${header}
                -P ${SLUICE_CMAKE_DIRECTORY}/EmbedLua.cmake
        DEPENDS ${path} ${includes} ${SLUICE_CMAKE_DIRECTORY}/EmbedLua.cmake
        COMMENT "Embedding ${script}")
    endif()
    target_sources(${target} PRIVATE ${header})
  endforeach()
  if(ARGN)
    target_include_directories(${target} PRIVATE ${folder})
  endif()
endfunction()

# sluice_add_plugin(NAME SOURCES file.c... [LUA script.lua...] [LIBS target...])
#
# Builds NAME.so as the gateway wants it: hidden but for its one symbol, without undefined names,
# linked to nothing of the gateway. SLUICE_PLUGIN_DIRECTORY says where it goes.
function(sluice_add_plugin name)
  cmake_parse_arguments(PLUGIN "" "" "SOURCES;LUA;LIBS" ${ARGN})
  add_library(${name} MODULE ${PLUGIN_SOURCES})
  sluice_embed_lua(${name} ${PLUGIN_LUA})
  target_link_libraries(${name} PRIVATE sluice::plugin ${PLUGIN_LIBS})
  target_compile_options(${name} PRIVATE -Werror=unused-result)
  set_target_properties(${name} PROPERTIES
                        PREFIX "" C_VISIBILITY_PRESET hidden CXX_VISIBILITY_PRESET hidden)
  if(SLUICE_PLUGIN_DIRECTORY)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${SLUICE_PLUGIN_DIRECTORY})
  endif()
  # clang leaves a sanitizer's own names to be found in the program that loads the plugin.
  if(NOT (CMAKE_C_COMPILER_ID MATCHES "Clang"
          AND (SLUICE_SANITIZE OR CMAKE_C_FLAGS MATCHES "-fsanitize")))
    target_link_options(${name} PRIVATE -Wl,-z,defs)
  endif()
endfunction()
