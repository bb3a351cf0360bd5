# Language, warnings and hardening, for everything that is built here.

include(CheckCCompilerFlag)
include(CheckPIESupported)

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
check_pie_supported(LANGUAGES C)

option(SLUICE_WERROR "Warnings are errors" OFF)
set(SLUICE_SANITIZE "" CACHE STRING "Sanitizers, as -fsanitize= takes them; empty for none")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# sluice_add_flags(FLAG...): those that this compiler knows, for this architecture.
function(sluice_add_flags)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "SLUICE_HAVE${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      add_compile_options(${flag})
    endif()
  endforeach()
endfunction()

add_compile_definitions(_GNU_SOURCE)
add_compile_options(-Wall -Wextra -Wshadow -Wconversion -Wmissing-prototypes -fno-common)
if(SLUICE_WERROR)
  add_compile_options(-Werror)
endif()

sluice_add_flags(-fstack-protector-strong)
if(SLUICE_SANITIZE)
  add_compile_options(-fsanitize=${SLUICE_SANITIZE} -fno-omit-frame-pointer
                      -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${SLUICE_SANITIZE})
else()
  # Hardening that would get in a sanitizer's way.
  sluice_add_flags(-fstack-clash-protection -ftrivial-auto-var-init=zero -fcf-protection)
  if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug") # needs the optimiser
    add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  endif()
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack,--build-id)
