// certificates.hpp - certificates that live as long as a test: made by OpenSSL, kept in files.
#pragma once

#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

namespace plume::test {

struct Identity {
    std::shared_ptr<EVP_PKEY> key;
    std::shared_ptr<X509> certificate;
    std::string key_file;
    std::string certificate_file;
};

/// An authority, and whomever it vouches for. The folder goes with it.
class Authority {
  public:
    Authority() {
        std::string path = std::filesystem::temp_directory_path() / "plume-XXXXXX";
        if (!::mkdtemp(path.data())) throw std::runtime_error{"no folder for certificates"};
        folder_ = path;
        self_ = make("authority", {});
    }
    ~Authority() { std::filesystem::remove_all(folder_); }
    Authority(const Authority&) = delete;
    Authority& operator=(const Authority&) = delete;

    [[nodiscard]] const Identity& self() const { return self_; }

    /// `names` as OpenSSL writes them: "IP:127.0.0.1".
    [[nodiscard]] Identity vouch_for(std::string_view who, const std::string& names) const {
        return make(who, names);
    }

  private:
    [[nodiscard]] Identity make(std::string_view who, const std::string& names) const {
        Identity made;
        made.key = {EVP_EC_gen("P-256"), &EVP_PKEY_free};
        made.certificate = {X509_new(), &X509_free};
        X509* const x509 = made.certificate.get();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), names.empty() ? 1 : 2);
        X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
        X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
        X509_set_pubkey(x509, made.key.get());
        X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>(std::string{who}.c_str()),
                                   -1, -1, 0);
        const bool is_authority = names.empty();
        const Identity& issuer = is_authority ? made : self_;
        X509_set_issuer_name(x509, X509_get_subject_name(issuer.certificate.get()));
        add(x509, is_authority ? NID_basic_constraints : NID_subject_alt_name,
            is_authority ? "critical,CA:TRUE" : names);
        X509_sign(x509, issuer.key.get(), EVP_sha256());

        made.key_file = folder_ / (std::string{who} + ".key");
        made.certificate_file = folder_ / (std::string{who} + ".pem");
        write(made.key_file, [&](std::FILE* file) {
            PEM_write_PrivateKey(file, made.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
        });
        write(made.certificate_file, [&](std::FILE* file) { PEM_write_X509(file, x509); });
        return made;
    }
    static void add(X509* x509, int kind, const std::string& value) {
        const std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
            X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str()), &X509_EXTENSION_free};
        X509_add_ext(x509, extension.get(), -1);
    }
    template <class Write>
    static void write(const std::string& path, Write write) {
        const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "w"),
                                                                   &std::fclose};
        if (!file) throw std::runtime_error{"can't write " + path};
        write(file.get());
    }

    std::filesystem::path folder_;
    Identity self_;
};

} // namespace plume::test
