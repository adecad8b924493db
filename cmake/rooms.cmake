# One CMake target a folder of src/ (a "room"). The drawn graph in docs/architecture.md is this graph.
#
#   skyhook_room(net SOURCES loop.cpp … DEPS base domain LIBS OpenSSL::SSL)
#
# makes the static library skyhook_net, or an interface library while it has no sources.
function(skyhook_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target skyhook_${name})
  set(linked ${ROOM_LIBS})
  foreach(dep ${ROOM_DEPS})
    list(APPEND linked skyhook_${dep})
  endforeach()
  if(ROOM_SOURCES)
    add_library(${target} STATIC ${ROOM_SOURCES})
    target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} PUBLIC ${linked} PRIVATE skyhook_warnings)
  else()
    add_library(${target} INTERFACE)
    target_include_directories(${target} INTERFACE ${PROJECT_SOURCE_DIR}/src)
    target_link_libraries(${target} INTERFACE ${linked})
  endif()
endfunction()

# skyhook_unit_test(net SOURCES url_test.cpp … DEPS net): one GoogleTest binary a room, in CTest as unit_<name>. SHARDS n: its tests
# in so many processes side by side, where they wait more than they compute.
function(skyhook_unit_test name)
  cmake_parse_arguments(TEST "" "SHARDS" "SOURCES;DEPS;LIBS" ${ARGN})
  set(target unit_${name})
  add_executable(${target} ${TEST_SOURCES})
  foreach(dep ${TEST_DEPS})
    target_link_libraries(${target} PRIVATE skyhook_${dep})
  endforeach()
  target_link_libraries(${target} PRIVATE skyhook_warnings GTest::gmock_main ${TEST_LIBS})
  if(TEST_SHARDS)
    add_test(NAME ${target} COMMAND ${PROJECT_SOURCE_DIR}/tests/support/shards.sh $<TARGET_FILE:${target}> ${TEST_SHARDS})
  else()
    add_test(NAME ${target} COMMAND ${target})
  endif()
  # Against hanging: under a sanitizer, beside other suites, the longest take two minutes.
  set_tests_properties(${target} PROPERTIES LABELS unit TIMEOUT 1500)
endfunction()
