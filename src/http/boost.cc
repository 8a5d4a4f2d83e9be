// The compiled parts of Boost.Asio and Boost.Beast, compiled here once instead of in every file that uses
// them. CMakeLists.txt defines BOOST_ASIO_SEPARATE_COMPILATION and BOOST_BEAST_SEPARATE_COMPILATION for
// this folder.
#include <boost/asio/impl/src.hpp>
//
#include <boost/beast/src.hpp>
