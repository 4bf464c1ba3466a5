// The page at /, for people with a browser: one HTML document with its style and its script inside.
// It holds no data; it asks /api and /health for them. Made from src/page by src/page/embed.py when
// pg_hello is built.
#ifndef PG_HELLO_PAGE_PAGE_H
#define PG_HELLO_PAGE_PAGE_H

#include <string_view>

namespace pg_hello::page {

// Both are constants of the program.

// UTF-8.
std::string_view Html();

// What the page is allowed, and nothing else: its own style and script, known by their SHA-256 (CSP
// Level 3), and to ask the server that it came from.
std::string_view ContentSecurityPolicy();

}  // namespace pg_hello::page

#endif  // PG_HELLO_PAGE_PAGE_H
