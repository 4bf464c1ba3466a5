// The only file that knows OpenSSL. Its error queue is emptied before each call whose errors are
// looked at, for it is the process' own.
#include "tls.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/epoll.h>

#include <algorithm>
#include <ctime>
#include <new>
#include <string_view>
#include <system_error>
#include <utility>

#include "server_file.h"

namespace pg_hello::http {
namespace {

constexpr char kTls12Ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const noexcept {
    kFree(object);
  }
};
using Ssl = std::unique_ptr<SSL, Freer<SSL_free>>;
using Bio = std::unique_ptr<BIO, Freer<BIO_free>>;
using Certificate = std::unique_ptr<X509, Freer<X509_free>>;
using PrivateKey = std::unique_ptr<EVP_PKEY, Freer<EVP_PKEY_free>>;

std::string ErrnoText(int error) { return std::generic_category().message(error); }

// Why OpenSSL's last call failed, in words without data.
std::string LibraryError() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  std::string text = reason != nullptr ? reason : "unknown error of OpenSSL";
  if (code != 0 && ERR_SYSTEM_ERROR(code)) text = ErrnoText(ERR_GET_REASON(code));
  ERR_clear_error();
  return text;
}

// All functions below that return a string: why it failed, empty if it did not.

Bio Reader(const FileContents& contents) {
  Bio bio(BIO_new_mem_buf(contents.bytes.data(), static_cast<int>(contents.bytes.size())));
  if (bio == nullptr) throw std::bad_alloc();
  return bio;
}

extern "C" {

// Instead of OpenSSL's own, which asks at the terminal.
static int HaveNoPassphrase(char*, int, int, void*) { return -1; }

}  // extern "C"

// The next certificate; null at the end of the file (`error` is empty) or of its sense.
Certificate NextCertificate(BIO* bio, std::string& error) {
  ERR_clear_error();
  Certificate certificate(PEM_read_bio_X509(bio, nullptr, HaveNoPassphrase, nullptr));
  if (certificate == nullptr) {
    const unsigned long code = ERR_peek_last_error();
    const bool at_end =
        ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
    error = at_end ? std::string() : LibraryError();
    ERR_clear_error();
  }
  return certificate;
}

// Calls `take`, which returns whether OpenSSL took it, with each certificate of a file.
template <typename Take>
std::string ForEachCertificate(std::string_view kind, const std::string& path, Take take) {
  FileContents contents;
  std::string error = ReadServerFile(kind, path, Secrecy::kPublic, contents);
  if (!error.empty()) return error;
  const Bio bio = Reader(contents);
  int taken = 0;
  while (Certificate certificate = NextCertificate(bio.get(), error)) {
    ERR_clear_error();
    if (!take(std::move(certificate), taken++)) {
      error = LibraryError();
      break;
    }
  }
  if (error.empty() && taken == 0) error = "there is no certificate in it";
  return error.empty() ? error : "could not load " + QuotedFile(kind, path) + ": " + error;
}

std::string UseCertificate(SSL_CTX* context, const std::string& path) {
  return ForEachCertificate("certificate", path, [context](Certificate certificate, int number) {
    // The server's own first, then what leads from it to the root.
    return number == 0 ? SSL_CTX_use_certificate(context, certificate.get()) == 1
                       : SSL_CTX_add1_chain_cert(context, certificate.get()) == 1;
  });
}

std::string UseKey(SSL_CTX* context, const std::string& path) {
  FileContents contents;
  std::string error = ReadServerFile("private key", path, Secrecy::kSecret, contents);
  if (!error.empty()) return error;
  const std::string prefix = "could not load " + QuotedFile("private key", path) + ": ";
  const Bio bio = Reader(contents);
  ERR_clear_error();
  const PrivateKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, HaveNoPassphrase, nullptr));
  if (key == nullptr) {
    const bool encrypted = contents.bytes.find("ENCRYPTED") != std::string::npos;
    const std::string reason = LibraryError();
    return prefix + (encrypted ? "it is protected by a passphrase" : reason);
  }
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1) {
    ERR_clear_error();
    return QuotedFile("private key", path) + " does not match the certificate";
  }
  return {};
}

std::string RequireClientCertificates(SSL_CTX* context, const std::string& path) {
  std::string error =
      ForEachCertificate("client CA", path, [context](Certificate certificate, int) {
        return X509_STORE_add_cert(SSL_CTX_get_cert_store(context), certificate.get()) == 1 &&
               SSL_CTX_add_client_CA(context, certificate.get()) == 1;
      });
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return error;
}

std::string Configure(SSL_CTX* context) {
  // Not below what the system's configuration asks for.
  const bool ok = (SSL_CTX_get_min_proto_version(context) >= TLS1_2_VERSION ||
                   SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1) &&
                  SSL_CTX_set_cipher_list(context, kTls12Ciphers) == 1 &&
                  SSL_CTX_set_num_tickets(context, 0) == 1;
  if (!ok) return "could not set up TLS: " + LibraryError();
  SSL_CTX_set_options(context, SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION |
                                   SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  // Partial: one record at a time. Moving: the same bytes may be given again by another address.
  // Release: an idle connection holds no buffers.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  // One record that carries no data ends a read: a client that sends only such is not read for
  // ever.
  SSL_CTX_clear_mode(context, SSL_MODE_AUTO_RETRY);
  return {};
}

std::int64_t ExpiryOf(const X509* certificate) {
  tm time = {};
  // What cannot be read was not refused either: it counts as expired.
  return ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 ? timegm(&time) : 1;
}

// REQUIRES: it has a certificate.
std::int64_t FirstExpiry(SSL_CTX* context) {
  std::int64_t first = ExpiryOf(SSL_CTX_get0_certificate(context));
  STACK_OF(X509)* chain = nullptr;
  SSL_CTX_get0_chain_certs(context, &chain);
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    first = std::min(first, ExpiryOf(sk_X509_value(chain, i)));
  }
  return first;
}

class TlsTransport : public Transport {
 public:
  explicit TlsTransport(Ssl ssl) : ssl_(std::move(ssl)) {}

  Result Read(char* into, std::size_t size) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int done = SSL_read_ex(ssl_.get(), into, size, &count);
    return done == 1 ? Result{Outcome::kDone, count, 0} : Failure(done);
  }

  Result Write(std::span<iovec> parts) override {
    ERR_clear_error();
    std::size_t count = 0;
    const int done =
        SSL_write_ex(ssl_.get(), parts.front().iov_base, parts.front().iov_len, &count);
    return done == 1 ? Result{Outcome::kDone, count, 0} : Failure(done);
  }

  Result Finish() override {
    ERR_clear_error();
    // 0: said, and the client has not said it yet, for which nobody waits.
    const int done = SSL_shutdown(ssl_.get());
    return done >= 0 ? Result{Outcome::kDone, 0, 0} : Failure(done);
  }

  bool holds_input() const override { return SSL_pending(ssl_.get()) > 0; }

  bool shaking_hands() const override { return SSL_in_init(ssl_.get()) != 0; }

 private:
  Result Failure(int returned) {
    const int error = SSL_get_error(ssl_.get(), returned);
    ERR_clear_error();
    switch (error) {
      case SSL_ERROR_WANT_READ:
        return {Outcome::kBlocked, 0, EPOLLIN};
      case SSL_ERROR_WANT_WRITE:
        return {Outcome::kBlocked, 0, EPOLLOUT};
      case SSL_ERROR_ZERO_RETURN:
      case SSL_ERROR_SYSCALL:
        return {Outcome::kEnd, 0, 0};
      default:
        return {Outcome::kFailed, 0, 0};
    }
  }

  Ssl ssl_;
};

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const noexcept { SSL_CTX_free(context); }

std::unique_ptr<TlsContext> TlsContext::Load(const TlsFiles& files, std::string& error) {
  ERR_clear_error();
  Handle context(SSL_CTX_new(TLS_server_method()));
  if (context == nullptr) {
    error = "could not set up TLS: " + LibraryError();
    return nullptr;
  }
  error = Configure(context.get());
  if (error.empty()) error = UseCertificate(context.get(), files.certificate);
  if (error.empty()) error = UseKey(context.get(), files.key);
  if (error.empty() && !files.client_ca.empty()) {
    error = RequireClientCertificates(context.get(), files.client_ca);
  }
  if (!error.empty()) return nullptr;
  const std::int64_t expires_at_s = FirstExpiry(context.get());
  return std::unique_ptr<TlsContext>(new TlsContext(std::move(context), expires_at_s));
}

std::unique_ptr<Transport> TlsContext::Accept(int socket) const {
  ERR_clear_error();
  Ssl ssl(SSL_new(context_.get()));
  if (ssl == nullptr || SSL_set_fd(ssl.get(), socket) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl.get());
  return std::make_unique<TlsTransport>(std::move(ssl));
}

}  // namespace pg_hello::http
