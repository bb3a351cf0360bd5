# What `cmake --install` puts where: the gateway with its plugins, and what plugin authors build
# with: headers, the test host, sluice.pc and a CMake package.
#
#   find_package(Sluice REQUIRED)
#   sluice_add_plugin(hello SOURCES hello.c LUA count.lua)
#   target_link_libraries(test_hello PRIVATE Sluice::test)

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_directory ${CMAKE_INSTALL_LIBDIR}/cmake/Sluice)

install(TARGETS sluice RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
# The program looks for its plugins in ../lib/sluice/plugins, whatever the library folder is called.
install(DIRECTORY ${SLUICE_PLUGIN_DIRECTORY}/ DESTINATION lib/sluice/plugins
        FILES_MATCHING PATTERN "*.so")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/core/include/sluice
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

# What `sluice plugin new` writes; it looks for it in ../share, in the build tree as well.
set(template share/sluice/template)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/sdk/template/ DESTINATION ${template} USE_SOURCE_PERMISSIONS)
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/share/sluice)
file(CREATE_LINK ${PROJECT_SOURCE_DIR}/sdk/template ${PROJECT_BINARY_DIR}/${template} SYMBOLIC)

configure_file(${CMAKE_CURRENT_LIST_DIR}/sluice.pc.in sluice.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/sluice.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

configure_package_config_file(
  ${CMAKE_CURRENT_LIST_DIR}/SluiceConfig.cmake.in SluiceConfig.cmake
  INSTALL_DESTINATION ${package_directory} PATH_VARS CMAKE_INSTALL_BINDIR CMAKE_INSTALL_INCLUDEDIR
  CMAKE_INSTALL_LIBDIR)
write_basic_package_version_file(SluiceConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/SluiceConfig.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/SluiceConfigVersion.cmake
              ${CMAKE_CURRENT_LIST_DIR}/SluicePlugin.cmake
              ${CMAKE_CURRENT_LIST_DIR}/EmbedLua.cmake
        DESTINATION ${package_directory})

if(SLUICE_TESTS)
  install(FILES ${PROJECT_SOURCE_DIR}/tests/host/sluice_test.h
          DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
  install(FILES ${CMAKE_BINARY_DIR}/sdk/libsluice_test.a DESTINATION ${CMAKE_INSTALL_LIBDIR})
endif()
