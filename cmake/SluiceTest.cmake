# sluice_unit_test(NAME LABEL label SOURCES file.c... [LIBS target...] [LUA script.lua...])
#
# A cmocka program of its own that ctest runs: `ctest -L label` runs those of a part alone. It links
# the gateway's parts unless LIBS says otherwise; a plugin's test links sluice_test, the test host.
# LUA embeds scripts as sluice_add_plugin does. What it needs (a Redis, files) it makes itself, in a
# directory of its own, so that all of them run at the same time.

function(sluice_unit_test name)
  cmake_parse_arguments(TEST "" "LABEL" "SOURCES;LIBS;LUA" ${ARGN})
  if(NOT TEST_LIBS)
    set(TEST_LIBS sluice_core)
  endif()
  add_executable(${name} ${TEST_SOURCES})
  sluice_embed_lua(${name} ${TEST_LUA})
  target_link_libraries(${name} PRIVATE ${TEST_LIBS} PkgConfig::CMOCKA PkgConfig::JANSSON)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  sluice_label_test(${name} ${TEST_LABEL})
endfunction()

# CC: what a test builds has the compiler of what it is loaded into, or its sanitizers would differ.
function(sluice_label_test name label)
  set_tests_properties(
    ${name} PROPERTIES LABELS ${label} TIMEOUT 120
                       ENVIRONMENT "UBSAN_OPTIONS=print_stacktrace=1;CC=${CMAKE_C_COMPILER}")
endfunction()
