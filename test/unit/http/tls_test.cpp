// HTTPS, with certificates made here and a client that is OpenSSL's.
#include "http/tls.h"

#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "pg_hello/http/reactor.h"
#include "reactor_harness.h"

namespace pg_hello::http {
namespace {

constexpr char kGetOk[] = "GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n";

template <typename T>
using Shared = std::shared_ptr<T>;

// A certificate with its key.
struct Identity {
  Shared<X509> certificate;
  Shared<EVP_PKEY> key;
};

// Signed by `issuer`, or by itself.
Identity MakeIdentity(const std::string& name, long serial, const Identity* issuer = nullptr,
                      long valid_s = 3600) {
  Identity made;
  made.key = Shared<EVP_PKEY>(EVP_EC_gen("P-256"), EVP_PKEY_free);
  made.certificate = Shared<X509>(X509_new(), X509_free);
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), valid_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  const Identity& by = issuer != nullptr ? *issuer : made;
  X509_set_issuer_name(certificate, X509_get_subject_name(by.certificate.get()));
  X509_set_pubkey(certificate, made.key.get());
  if (issuer == nullptr) {
    const Shared<X509_EXTENSION> authority(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE"),
        X509_EXTENSION_free);
    X509_add_ext(certificate, authority.get(), -1);
  }
  EXPECT_GT(X509_sign(certificate, by.key.get(), EVP_sha256()), 0);
  return made;
}

template <typename Write>
std::string Pem(Write write) {
  const Shared<BIO> bio(BIO_new(BIO_s_mem()), BIO_free);
  EXPECT_EQ(write(bio.get()), 1);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &bytes);
  return {bytes, static_cast<std::size_t>(size)};
}
std::string Pem(const Shared<X509>& certificate) {
  return Pem([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate.get()); });
}
std::string Pem(const Shared<EVP_PKEY>& key, const char* passphrase = nullptr) {
  return Pem([&](BIO* bio) {
    return PEM_write_bio_PrivateKey(bio, key.get(),
                                    passphrase != nullptr ? EVP_aes_128_cbc() : nullptr, nullptr, 0,
                                    nullptr, const_cast<char*>(passphrase));
  });
}

// A client whose words go through a Client.
class TlsClient {
 public:
  struct How {
    const Identity* identity = nullptr;
    int receive_buffer = 0;
    int max_version = 0;
  };

  explicit TlsClient(std::uint16_t port) : TlsClient(port, How()) {}
  TlsClient(std::uint16_t port, How how)
      : wire(port, how.receive_buffer), context_(SSL_CTX_new(TLS_client_method()), SSL_CTX_free) {
    if (how.identity != nullptr) {
      SSL_CTX_use_certificate(context_.get(), how.identity->certificate.get());
      SSL_CTX_use_PrivateKey(context_.get(), how.identity->key.get());
    }
    if (how.max_version != 0) {
      SSL_CTX_set_security_level(context_.get(), 0);
      SSL_CTX_set_min_proto_version(context_.get(), TLS1_VERSION);
      SSL_CTX_set_max_proto_version(context_.get(), how.max_version);
    }
    ssl_ = Shared<SSL>(SSL_new(context_.get()), SSL_free);
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
  }

  // What is to be sent now.
  std::string TakeOutput() {
    BIO* bio = SSL_get_wbio(ssl_.get());
    std::string bytes(BIO_ctrl_pending(bio), '\0');
    if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }

  // Sees to what has arrived. Leaves what is to be sent.
  void Think() {
    const std::string& arrived = wire.received();
    if (arrived.size() > fed_) {
      BIO_write(SSL_get_rbio(ssl_.get()), arrived.data() + fed_,
                static_cast<int>(arrived.size() - fed_));
      fed_ = arrived.size();
    }
    if (!failed && !ready()) Note(SSL_do_handshake(ssl_.get()));
    char chunk[65536];
    while (!failed && !ended && ready()) {
      const int count = SSL_read(ssl_.get(), chunk, sizeof(chunk));
      if (count <= 0) {
        Note(count);
        break;
      }
      said.append(chunk, static_cast<std::size_t>(count));
    }
  }
  void Turn() {
    Think();
    wire.Send(TakeOutput());
  }

  void Say(const std::string& bytes) {
    EXPECT_EQ(SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())),
              static_cast<int>(bytes.size()));
    wire.Send(TakeOutput());
  }

  bool ready() const { return SSL_is_init_finished(ssl_.get()) == 1; }
  bool Has(const std::string& text) const { return said.find(text) != std::string::npos; }
  int Count(const std::string& text) const {
    int count = 0;
    for (std::size_t at = said.find(text); at != std::string::npos; at = said.find(text, at + 1)) {
      ++count;
    }
    return count;
  }
  // Of the server's certificate.
  long serial() const {
    const Shared<X509> shown(SSL_get1_peer_certificate(ssl_.get()), X509_free);
    return shown == nullptr ? 0 : ASN1_INTEGER_get(X509_get0_serialNumber(shown.get()));
  }
  SSL* ssl() const { return ssl_.get(); }

  Client wire;
  std::string said;
  bool failed = false;
  bool ended = false;  // the server said that it is done

 private:
  void Note(int returned) {
    if (returned > 0) return;
    const int error = SSL_get_error(ssl_.get(), returned);
    ended = ended || error == SSL_ERROR_ZERO_RETURN;
    failed = failed || error == SSL_ERROR_SSL;
    ERR_clear_error();
  }

  Shared<SSL_CTX> context_;
  Shared<SSL> ssl_;
  std::size_t fed_ = 0;
};

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::signal(SIGPIPE, SIG_IGN);
    std::string pattern = testing::TempDir() + "pg_hello_tls_XXXXXX";
    directory = mkdtemp(pattern.data());
    files = {Path("server.crt"), Path("server.key"), ""};
    Use(first);
  }
  ~TlsTest() override { std::filesystem::remove_all(directory); }

  std::string Path(const std::string& name) const { return directory + "/" + name; }

  void Write(const std::string& path, const std::string& bytes, mode_t mode = 0600) const {
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
    EXPECT_EQ(chmod(path.c_str(), mode), 0);
  }

  void Use(const Identity& identity) const {
    Write(files.certificate, Pem(identity.certificate));
    Write(files.key, Pem(identity.key));
  }

  static void Listen(Site& site) { site.reactor->Listen({{"127.0.0.1", 0, true}}, site.now); }

  void Serve(Site& site) {
    ASSERT_EQ(site.reactor->LoadTls(files), "");
    Listen(site);
    ASSERT_NE(site.port(), 0) << site.reactor->listeners().at(0).error;
  }

  static bool Until(Site& site, TlsClient& client, const std::function<bool()>& done) {
    return site.Until({&client.wire}, [&] {
      client.Turn();
      return done();
    });
  }
  static bool UntilReady(Site& site, TlsClient& client) {
    return Until(site, client, [&] { return client.ready(); });
  }
  // Asks for /ok on a connection that is there.
  static bool Answers(Site& site, TlsClient& client) {
    const int before = client.Count("fine\n");
    client.Say(kGetOk);
    return Until(site, client, [&] { return client.Count("fine\n") == before + 1; });
  }
  static bool Closes(Site& site, TlsClient& client) {
    return Until(site, client, [&] { return client.wire.closed(); });
  }
  // The certificate that a new connection is shown; 0 if there is none.
  static long Shown(Site& site) {
    TlsClient client(site.port());
    return UntilReady(site, client) && Answers(site, client) ? client.serial() : 0;
  }

  const Identity first = MakeIdentity("first", 1);
  const Identity second = MakeIdentity("second", 2);
  std::string directory;
  TlsFiles files;
};

TEST_F(TlsTest, ServesRequestsOfOneConnection) {
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(UntilReady(site, client));
  EXPECT_STREQ(SSL_get_version(client.ssl()), "TLSv1.3");
  EXPECT_TRUE(Answers(site, client));
  EXPECT_TRUE(Answers(site, client));
  EXPECT_EQ(site.Timeout(), 75'000);
  EXPECT_EQ(site.observed.size(), 2u);
}

TEST_F(TlsTest, SaysThatItIsDone) {
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(UntilReady(site, client));
  client.Say("GET /ok HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(Closes(site, client));
  EXPECT_TRUE(client.Has("fine\n"));
  EXPECT_TRUE(client.ended);
  EXPECT_FALSE(client.wire.reset());
  client.wire.Close();
  EXPECT_TRUE(site.UntilConnections(0));
}

TEST_F(TlsTest, SpeaksTls12ButNothingOlder) {
  Site site;
  Serve(site);
  TlsClient newer(site.port(), {.max_version = TLS1_2_VERSION});
  ASSERT_TRUE(UntilReady(site, newer));
  EXPECT_STREQ(SSL_get_version(newer.ssl()), "TLSv1.2");
  EXPECT_TRUE(Answers(site, newer));
  ASSERT_EQ(SSL_renegotiate(newer.ssl()), 1);
  EXPECT_TRUE(Until(site, newer, [&] { return newer.failed; })) << "it was refused";
  TlsClient older(site.port(), {.max_version = TLS1_1_VERSION});
  ASSERT_TRUE(Closes(site, older));
  EXPECT_TRUE(older.failed);
  EXPECT_FALSE(older.ready());
}

TEST_F(TlsTest, ShakesHandsByteByByte) {
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  while (!client.ready()) {
    client.Think();
    for (const char byte : client.TakeOutput()) {
      client.wire.Send(std::string(1, byte));
      site.Step();
      client.wire.Receive();
    }
    ASSERT_FALSE(client.failed);
  }
  SSL_write(client.ssl(), kGetOk, sizeof(kGetOk) - 1);
  for (const char byte : client.TakeOutput()) {
    client.wire.Send(std::string(1, byte));
    site.Step();
  }
  EXPECT_TRUE(Until(site, client, [&] { return client.Has("fine\n"); }));
}

TEST_F(TlsTest, ABigBodyReachesASlowReaderWhole) {
  std::string body(8'000'000, 'x');
  for (std::size_t i = 0; i < body.size(); i += 7) body[i] = static_cast<char>('a' + i % 23);
  Site site({{"/big", SayBody(std::make_shared<const std::string>(body))}});
  Serve(site);
  TlsClient client(site.port(), {.receive_buffer = 4'096});
  ASSERT_TRUE(UntilReady(site, client));
  client.Say("GET /big HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(site.Until({}, [&] { return !site.observed.empty(); }));
  while (site.Readable(20)) site.Poll();
  EXPECT_EQ(site.reactor->connections(), 1) << "it waits for its reader";
  EXPECT_EQ(site.Timeout(), 30'000);
  ASSERT_TRUE(Closes(site, client));
  EXPECT_TRUE(client.ended);
  const std::size_t start = client.said.find("\r\n\r\n");
  ASSERT_NE(start, std::string::npos);
  EXPECT_TRUE(client.said.substr(start + 4) == body);
}

TEST_F(TlsTest, RequestsThatCameInOneRecordAreAllAnswered) {
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(UntilReady(site, client));
  // More than one head's room, less than a record's: the rest waits inside OpenSSL.
  const int count = 400;
  std::string requests;
  for (int i = 0; i < count; ++i) requests += kGetOk;
  ASSERT_GT(requests.size(), kMaxHeadBytes);
  ASSERT_LT(requests.size(), 16'384u);
  client.Say(requests);
  EXPECT_TRUE(Until(site, client, [&] { return client.Count("fine\n") == count; }))
      << client.Count("fine\n");
}

TEST_F(TlsTest, AStalledHandshakeHasAHeadsDeadline) {
  Site site;
  Serve(site);
  const std::int64_t start = site.now;
  TlsClient client(site.port());
  client.Think();
  const std::string hello = client.TakeOutput();
  client.wire.Send(hello.substr(0, hello.size() / 2));
  ASSERT_TRUE(site.UntilConnections(1));
  site.PollAt(start + 4'000);
  EXPECT_EQ(site.Timeout(), 1'000);
  client.wire.Send(hello.substr(hello.size() / 2, 1));
  site.PollAt(start + 4'999);
  EXPECT_EQ(site.reactor->connections(), 1);
  site.PollAt(start + 5'000);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST_F(TlsTest, ItsHandshakeIsPartOfTheFirstHeadsTime) {
  Site site;
  Serve(site);
  const std::int64_t start = site.now;
  TlsClient client(site.port());
  ASSERT_TRUE(site.UntilConnections(1));
  site.now = start + 3'000;
  ASSERT_TRUE(UntilReady(site, client));
  EXPECT_EQ(site.Timeout(), 2'000);
  site.PollAt(start + 5'000);
  EXPECT_EQ(site.reactor->connections(), 0);
}

TEST_F(TlsTest, AStalledHandshakeGivesUpItsPlace) {
  Limits limits;
  limits.max_connections = 2;
  Site site({}, limits);
  Serve(site);
  Client silent(site.port());
  Client another(site.port());
  ASSERT_TRUE(site.UntilConnections(2));
  EXPECT_EQ(Shown(site), 1);
  EXPECT_TRUE(site.UntilClosed(silent));
}

TEST_F(TlsTest, ManyHandshakesAtOnceTakeSeveralTurns) {
  Site site;
  Serve(site);
  std::vector<std::unique_ptr<TlsClient>> clients;
  for (int i = 0; i < 40; ++i) {
    clients.push_back(std::make_unique<TlsClient>(site.port()));
    clients.back()->Turn();
  }
  const auto answered = [&] {
    int count = 0;
    for (const auto& client : clients) {
      client->wire.Receive();
      count += client->wire.received().empty() ? 0 : 1;
    }
    return count;
  };
  site.Step();
  // The others are not let in: a crowd would take the places of those who wait for their turn.
  EXPECT_EQ(site.reactor->connections(), answered());
  EXPECT_LE(answered(), 16);
  EXPECT_GT(answered(), 0);
  ASSERT_TRUE(site.Until({}, [&] { return answered() == 40; }));
  for (const auto& client : clients) {
    client->Turn();
    EXPECT_TRUE(Answers(site, *client));
  }
}

TEST_F(TlsTest, PlainHttpIsNotAnsweredAndClosedCleanly) {
  Site site;
  Serve(site);
  for (const std::string bytes :
       {"GET /ok HTTP/1.1\r\nHost: localhost\r\n\r\n", "nonsense, and more of it"}) {
    Client client(site.port());
    client.Send(bytes);
    ASSERT_TRUE(site.UntilClosed(client));
    EXPECT_FALSE(client.reset());
    EXPECT_FALSE(client.Has("HTTP"));
    client.Close();
    ASSERT_TRUE(site.UntilConnections(0));
  }
  EXPECT_TRUE(site.observed.empty());
}

TEST_F(TlsTest, AHelloToAPlainPortIsRefusedAsAnyNonsenseIs) {
  Site site;
  site.Listen();
  TlsClient client(site.port());
  client.Think();
  client.wire.Send(client.TakeOutput() + "\r\n\r\n");
  ASSERT_TRUE(site.UntilClosed(client.wire));
  EXPECT_EQ(client.wire.status(), 400);
}

TEST_F(TlsTest, AClientThatVanishesIsForgotten) {
  Site site;
  Serve(site);
  for (const bool ready : {false, true}) {
    TlsClient client(site.port());
    if (ready) {
      ASSERT_TRUE(UntilReady(site, client));
    } else {
      ASSERT_TRUE(site.UntilConnections(1));
    }
    client.wire.Reset();
    ASSERT_TRUE(site.UntilConnections(0));
  }
}

TEST_F(TlsTest, AnotherCertificateIsForNewConnections) {
  Site site;
  Serve(site);
  TlsClient old(site.port());
  ASSERT_TRUE(UntilReady(site, old));
  Use(second);
  EXPECT_EQ(Shown(site), 1) << "not before it is asked for";
  ASSERT_EQ(site.reactor->LoadTls(files), "");
  const std::uint16_t port = site.port();
  Listen(site);
  EXPECT_EQ(site.port(), port);
  EXPECT_EQ(Shown(site), 2);
  EXPECT_TRUE(Answers(site, old));
  EXPECT_EQ(old.serial(), 1);
}

TEST_F(TlsTest, WhatCannotBeUsedLeavesTheOldInUse) {
  Site site;
  Serve(site);
  Write(files.key, Pem(second.key));
  EXPECT_EQ(site.reactor->LoadTls(files),
            "private key file \"" + files.key + "\" does not match the certificate");
  EXPECT_TRUE(site.reactor->has_tls());
  Listen(site);
  EXPECT_EQ(site.reactor->listeners().at(0).error, "");
  EXPECT_EQ(Shown(site), 1);
}

TEST_F(TlsTest, WithoutACertificateNothingIsBound) {
  Site site;
  Listen(site);
  EXPECT_EQ(site.port(), 0);
  EXPECT_FALSE(site.reactor->has_tls());
  EXPECT_EQ(site.reactor->listeners().at(0).error,
            "could not serve HTTPS on 127.0.0.1: no certificate has been loaded");
  std::filesystem::remove(files.certificate);
  const std::string fault = site.reactor->LoadTls(files);
  EXPECT_EQ(fault, "could not open certificate file \"" + files.certificate +
                       "\": No such file or directory");
  Listen(site);
  EXPECT_EQ(site.reactor->listeners().at(0).error, "could not serve HTTPS on 127.0.0.1: " + fault);
  EXPECT_FALSE(site.reactor->listeners().at(0).retried);
  EXPECT_EQ(site.Timeout(), 1'000'000);
  EXPECT_EQ(site.reactor->bind_failures(), 0u);
  Use(second);
  ASSERT_EQ(site.reactor->LoadTls(files), "");
  Listen(site);
  EXPECT_EQ(site.reactor->listeners().at(0).error, "");
  EXPECT_EQ(Shown(site), 2);
}

TEST_F(TlsTest, SwitchedOffItIsForgotten) {
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(UntilReady(site, client));
  site.Listen();
  EXPECT_TRUE(Closes(site, client));
  EXPECT_FALSE(site.reactor->has_tls());
  Client plain(site.port());
  plain.Get("/ok");
  EXPECT_TRUE(site.UntilReceived(plain, "fine\n"));
  Listen(site);
  EXPECT_EQ(site.port(), 0) << "never without a certificate";
  EXPECT_TRUE(site.UntilClosed(plain));
}

TEST_F(TlsTest, ClientsNeedACertificateWhenThereIsAnAuthority) {
  const Identity authority = MakeIdentity("authority", 10);
  const Identity stranger = MakeIdentity("authority", 11);
  files.client_ca = Path("ca.crt");
  Write(files.client_ca, Pem(authority.certificate));
  Site site;
  Serve(site);

  const Identity known = MakeIdentity("known", 12, &authority);
  TlsClient welcome(site.port(), {.identity = &known});
  ASSERT_TRUE(UntilReady(site, welcome));
  EXPECT_TRUE(Answers(site, welcome));

  const Identity unknown = MakeIdentity("unknown", 13, &stranger);
  for (const Identity* identity : {static_cast<const Identity*>(nullptr), &unknown}) {
    for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
      TlsClient client(site.port(), {.identity = identity, .max_version = version});
      bool asked = false;
      ASSERT_TRUE(Until(site, client, [&] {
        if (client.ready() && !client.failed && !asked) {
          asked = true;
          client.Say(kGetOk);
        }
        return client.wire.closed();
      }));
      EXPECT_TRUE(client.failed) << "it is told why";
      EXPECT_EQ(client.said, "");
    }
  }
  EXPECT_EQ(site.observed.size(), 1u);
}

TEST_F(TlsTest, TheWholeChainIsShown) {
  const Identity root = MakeIdentity("root", 20);
  const Identity leaf = MakeIdentity("leaf", 21, &root);
  Use(leaf);
  Write(files.certificate, Pem(leaf.certificate) + "a remark\n" + Pem(root.certificate));
  Site site;
  Serve(site);
  TlsClient client(site.port());
  ASSERT_TRUE(UntilReady(site, client));
  EXPECT_EQ(sk_X509_num(SSL_get_peer_cert_chain(client.ssl())), 2);
}

TEST_F(TlsTest, TheFirstExpiryOfTheChainIsKnown) {
  Site site;
  EXPECT_EQ(site.reactor->certificates_expire_at_s(), 0);
  const std::int64_t now = std::time(nullptr);
  const auto left = [&] { return site.reactor->certificates_expire_at_s() - now; };
  Serve(site);
  EXPECT_NEAR(static_cast<double>(left()), 3600, 60);
  const Identity root = MakeIdentity("root", 20, nullptr, -600);
  const Identity leaf = MakeIdentity("leaf", 21, &root, 7200);
  Use(leaf);
  ASSERT_EQ(site.reactor->LoadTls(files), "");
  EXPECT_NEAR(static_cast<double>(left()), 7200, 60);
  Write(files.certificate, Pem(leaf.certificate) + Pem(root.certificate));
  ASSERT_EQ(site.reactor->LoadTls(files), "");
  EXPECT_NEAR(static_cast<double>(left()), -600, 60);
  site.Listen();
  EXPECT_EQ(site.reactor->certificates_expire_at_s(), 0) << "no longer in use";
}

class TlsFilesTest : public TlsTest {
 protected:
  std::string Fault() const {
    std::string error;
    const bool loaded = TlsContext::Load(files, error) != nullptr;
    EXPECT_EQ(loaded, error.empty());
    return error;
  }
};

TEST_F(TlsFilesTest, AKeyThatOthersMayReadIsRefused) {
  EXPECT_EQ(Fault(), "");
  for (const mode_t mode : {0640, 0604, 0620, 0610, 0601}) {
    Write(files.key, Pem(first.key), mode);
    EXPECT_NE(Fault().find("has group or world access"), std::string::npos) << mode;
  }
  Write(files.key, Pem(first.key), 0400);
  EXPECT_EQ(Fault(), "");
}

TEST_F(TlsFilesTest, AKeyOfRootMayBeReadByItsGroupAndNobodyElses) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t kSomebody = 12'345;
  Write(files.key, Pem(first.key));
  ASSERT_EQ(chown(files.key.c_str(), kSomebody, 0), 0);
  EXPECT_NE(Fault().find("must be owned by the database user or root"), std::string::npos);
  std::filesystem::permissions(directory, std::filesystem::perms::all);
  Write(files.certificate, Pem(first.certificate), 0644);
  ASSERT_EQ(seteuid(kSomebody), 0);
  EXPECT_EQ(Fault(), "") << "its own";
  ASSERT_EQ(seteuid(0), 0);
  const gid_t group = getegid();
  ASSERT_EQ(chown(files.key.c_str(), 0, kSomebody), 0);
  ASSERT_EQ(chmod(files.key.c_str(), 0640), 0);
  ASSERT_EQ(setegid(kSomebody), 0);
  ASSERT_EQ(seteuid(kSomebody), 0);
  EXPECT_EQ(Fault(), "") << "root's, readable by our group";
  ASSERT_EQ(seteuid(0), 0);
  ASSERT_EQ(setegid(group), 0);
}

TEST_F(TlsFilesTest, OnlyRegularFilesAreRead) {
  std::filesystem::remove(files.key);
  ASSERT_EQ(mkfifo(files.key.c_str(), 0600), 0);
  EXPECT_EQ(Fault(), "private key file \"" + files.key + "\" is not a regular file");
  files.key = directory;
  EXPECT_EQ(Fault(), "private key file \"" + files.key + "\" is not a regular file");
  files.certificate = "/dev/zero";
  EXPECT_EQ(Fault(), "certificate file \"/dev/zero\" is not a regular file");
}

TEST_F(TlsFilesTest, EveryFaultHasItsReason) {
  Write(files.key, Pem(first.key, "secret"));
  EXPECT_EQ(Fault(), "could not load private key file \"" + files.key +
                         "\": it is protected by a passphrase");
  Write(files.key, "no key");
  EXPECT_NE(Fault().find("could not load private key file"), std::string::npos);
  Use(first);

  Write(files.certificate, "no certificate");
  EXPECT_EQ(Fault(), "could not load certificate file \"" + files.certificate +
                         "\": there is no certificate in it");
  std::string broken = Pem(first.certificate);
  broken[60] = broken[60] == 'A' ? 'B' : 'A';
  broken.resize(broken.size() / 2);
  Write(files.certificate, broken);
  EXPECT_NE(Fault(), "");
  Write(files.certificate, std::string(2'000'000, 'x'));
  EXPECT_EQ(Fault(), "certificate file \"" + files.certificate + "\" is too long");
  Use(first);

  files.client_ca = Path("none.crt");
  EXPECT_NE(Fault().find("could not open client CA file"), std::string::npos);
  files.certificate.clear();
  EXPECT_EQ(Fault(), "no certificate file is set");
}

}  // namespace
}  // namespace pg_hello::http
