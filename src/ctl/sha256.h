// SHA-256 (FIPS 180-4), through OpenSSL; in hexadecimal, as sha256sum prints it.
#pragma once

#include <string>
#include <string_view>

namespace pg_hello::ctl {

std::string Sha256(std::string_view bytes);

// Throws a Failure if the file cannot be read, or if we are asked to stop meanwhile.
std::string Sha256OfFile(const std::string& path);

}  // namespace pg_hello::ctl
