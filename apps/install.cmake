# Makes and installs the package that find_package(Tarn) finds: the library Tarn::tarn, its headers and the program.
include(CMakePackageConfigHelpers)

add_library(tarn_archive STATIC)
set_target_properties(tarn_archive PROPERTIES OUTPUT_NAME tarn EXPORT_NAME archive LINKER_LANGUAGE CXX)
target_sources(tarn_archive PRIVATE $<TARGET_PROPERTY:tarn_objects,INTERFACE_SOURCES>)
foreach(library IN LISTS TARN_LINKED)
  target_link_libraries(tarn_archive INTERFACE $<LINK_ONLY:${library}>)
endforeach()

# Layers, ops, optimizers and data sets register themselves and nobody refers to them by name: the archive is linked whole.
# Both #include "core/tensor.h" and #include <tarn/core/tensor.h> find a header.
add_library(tarn_library INTERFACE)
add_library(Tarn::tarn ALIAS tarn_library)
set_target_properties(tarn_library PROPERTIES EXPORT_NAME tarn)
target_compile_features(tarn_library INTERFACE cxx_std_20)
target_include_directories(tarn_library INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
                                                  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/tarn>
                                                  $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(tarn_library INTERFACE $<BUILD_INTERFACE:$<LINK_LIBRARY:WHOLE_ARCHIVE,tarn_archive>>
                                             $<INSTALL_INTERFACE:$<LINK_LIBRARY:WHOLE_ARCHIVE,Tarn::archive>>)

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/Tarn)
foreach(folder core layers optim data apps)
  if(IS_DIRECTORY ${PROJECT_SOURCE_DIR}/${folder})
    install(DIRECTORY ${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/tarn FILES_MATCHING PATTERN "*.h")
  endif()
endforeach()
install(TARGETS tarn_archive tarn_library EXPORT Tarn ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
if(TARGET tarn)
  install(TARGETS tarn RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT Tarn NAMESPACE Tarn:: DESTINATION ${package} FILE TarnTargets.cmake)
file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/TarnConfig.cmake @ONLY CONTENT [[
# Finds Tarn and the libraries it stands on.
include(CMakeFindDependencyMacro)
find_dependency(TBB)
find_dependency(ZLIB)
find_dependency(PNG)
find_dependency(JPEG)
find_dependency(Threads)
find_dependency(PkgConfig)
pkg_check_modules(OPENBLAS REQUIRED QUIET IMPORTED_TARGET openblas)
pkg_check_modules(LIBZIP REQUIRED QUIET IMPORTED_TARGET libzip)
pkg_check_modules(XXHASH REQUIRED QUIET IMPORTED_TARGET libxxhash)
include(${CMAKE_CURRENT_LIST_DIR}/TarnTargets.cmake)
]])
write_basic_package_version_file(${PROJECT_BINARY_DIR}/TarnConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/TarnConfig.cmake ${PROJECT_BINARY_DIR}/TarnConfigVersion.cmake DESTINATION ${package})
