// The compiled parts of Boost.Asio, compiled here once instead of in every file that uses them. CMakeLists.txt
// defines BOOST_ASIO_SEPARATE_COMPILATION for this folder. Beast is used by request_reader.cc alone, which
// needs a small part of it.
#include <boost/asio/impl/src.hpp>
