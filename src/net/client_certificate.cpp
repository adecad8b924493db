#include "net/client_certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <array>
#include <ctime>
#include <optional>
#include <utility>

#include "base/encoding.h"

namespace skyhook::net {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
void free_chain(STACK_OF(X509) * chain) {
  sk_X509_pop_free(chain, X509_free);
}

using BioPtr = std::unique_ptr<BIO, Deleter<BIO_free>>;
using X509Ptr = std::unique_ptr<X509, Deleter<X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using ChainPtr = std::unique_ptr<STACK_OF(X509), Deleter<free_chain>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

BioPtr reader_of(std::string_view text) {
  return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// A key that asks for a password is no key here; OpenSSL would ask on the terminal.
int no_password(char*, int, int, void*) {
  return -1;
}

X509Ptr next_certificate(BIO* bio) {
  return X509Ptr(PEM_read_bio_X509(bio, nullptr, no_password, nullptr));
}

// It would be kept, and in the clear, where only certificates belong.
bool has_private_key(std::string_view chain) {
  return chain.find("PRIVATE KEY-----") != std::string_view::npos;
}

// Did reading end because there is no further PEM block?
bool reached_end() {
  const unsigned long code = ERR_peek_last_error();
  return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE;
}

}  // namespace

struct ClientCertificate::Parts {
  X509Ptr certificate;
  ChainPtr chain{sk_X509_new_null()};  // those after the first
  KeyPtr key;

  // False: not PEM certificates, or too many of them.
  bool read_chain(std::string_view text) {
    const BioPtr bio = reader_of(text);
    certificate = next_certificate(bio.get());
    if (!certificate) return false;
    for (;;) {
      X509Ptr next = next_certificate(bio.get());
      if (!next) return reached_end();
      if (sk_X509_num(chain.get()) + 2 > static_cast<int>(kCertificatesLimit)) return false;
      sk_X509_push(chain.get(), next.release());
    }
  }

  bool read_key(std::string_view text) {
    const BioPtr bio = reader_of(text);
    key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
    return key != nullptr;
  }

  // One signature with a longer key takes tens of milliseconds, in which a network thread does
  // nothing else.
  bool is_key_too_long() const { return EVP_PKEY_get_bits(key.get()) > kKeyBitsLimit; }

  std::optional<Timestamp> expiry() const {
    std::tm time{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &time) != 1) return std::nullopt;
    return Timestamp{Seconds{timegm(&time)}};
  }

  // As a connection would use them.
  bool are_usable() const {
    const ContextPtr context(SSL_CTX_new(TLS_client_method()));
    return context && SSL_CTX_use_cert_and_key(context.get(), certificate.get(), key.get(),
                                               chain.get(), 1) == 1;
  }
};

ClientCertificate::ClientCertificate(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ClientCertificate::~ClientCertificate() = default;

Result<ClientCertificate::Ptr, ClientCertificate::Fault> ClientCertificate::parse(
    std::string_view chain, std::string_view key) {
  using Field = Fault::Field;
  const auto judge = [&](Parts& parts) -> std::optional<Fault> {
    if (chain.size() > kChainLimit) {
      return Fault{Field::certificate, "must not be greater than 16384 characters."};
    }
    if (key.size() > kKeyLimit)
      return Fault{Field::key, "must not be greater than 8192 characters."};
    if (has_private_key(chain)) {
      return Fault{Field::certificate, "must not have a private key in it."};
    }
    if (!parts.read_chain(chain) || !parts.expiry()) {
      return Fault{Field::certificate, "must be a certificate in PEM, and at most nine more."};
    }
    if (!parts.read_key(key))
      return Fault{Field::key, "must be an unencrypted private key in PEM."};
    if (X509_check_private_key(parts.certificate.get(), parts.key.get()) != 1) {
      return Fault{Field::key, "must be the key of the certificate."};
    }
    if (parts.is_key_too_long()) {
      return Fault{Field::key, "must not be longer than 4096 bits."};
    }
    if (!parts.are_usable()) {
      return Fault{Field::certificate, "must be as strong as TLS demands today."};
    }
    return std::nullopt;
  };
  ERR_clear_error();
  auto parts = std::make_unique<Parts>();
  const auto fault = judge(*parts);
  ERR_clear_error();
  if (fault) return Err{*fault};
  return Ptr(new ClientCertificate(std::move(parts)));
}

std::string ClientCertificate::subject() const {
  const BioPtr out(BIO_new(BIO_s_mem()));
  // Characters beyond ASCII as they are, not escaped.
  X509_NAME_print_ex(out.get(), X509_get_subject_name(parts_->certificate.get()), 0,
                     XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB);
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string ClientCertificate::fingerprint() const {
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(parts_->certificate.get(), EVP_sha256(), digest.data(), &size);
  return to_hex({digest.data(), size});
}

Timestamp ClientCertificate::expires_at() const {
  return *parts_->expiry();
}

bool ClientCertificate::use(SSL* ssl) const {
  const bool used = SSL_use_cert_and_key(ssl, parts_->certificate.get(), parts_->key.get(),
                                         parts_->chain.get(), 1) == 1;
  ERR_clear_error();
  return used;
}

}  // namespace skyhook::net
