# cmake -DINPUT=file -DOUTPUT=file.cpp -DHEADER=path.hpp -DNAME=ns::symbol -P embed.cmake
# Writes a source file that defines `const std::string_view NAME` with the text of INPUT.
# Raw string literals are limited to 65,536 characters by some compilers; INPUT must be shorter.
file(READ ${INPUT} text)
string(LENGTH "${text}" length)
if(length GREATER 60000)
  message(FATAL_ERROR "${INPUT} is too long to embed")
endif()
file(WRITE ${OUTPUT}
  "#include \"${HEADER}\"\n\nconst std::string_view ${NAME} = R\"~~~(${text})~~~\";\n")
