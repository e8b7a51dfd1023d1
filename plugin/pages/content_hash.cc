#include "pages/content_hash.h"

#include <openssl/evp.h>

#include <algorithm>
#include <stdexcept>

namespace xl_colo {

namespace {

template <auto function>
struct Free {
    template <typename T>
    void operator()(T* object) const
    {
        function(object);
    }
};

void require(bool done)
{
    if (!done) {
        throw std::runtime_error("libcrypto does not compute Poly1305");
    }
}

}  // namespace

struct ContentHash::Impl {
    std::array<uint8_t, key_size> key;
    std::unique_ptr<EVP_MAC, Free<EVP_MAC_free>> mac;
    std::unique_ptr<EVP_MAC_CTX, Free<EVP_MAC_CTX_free>> context;
};

ContentHash::ContentHash(View key) : impl_(std::make_unique<Impl>())
{
    require(key.size() == key_size);
    std::ranges::copy(key, impl_->key.begin());
    impl_->mac.reset(EVP_MAC_fetch(nullptr, "POLY1305", nullptr));
    require(impl_->mac != nullptr);
    impl_->context.reset(EVP_MAC_CTX_new(impl_->mac.get()));
    require(impl_->context != nullptr);
}

ContentHash::~ContentHash() = default;
ContentHash::ContentHash(ContentHash&&) noexcept = default;

PageDigest ContentHash::operator()(View page)
{
    PageDigest digest{};
    EVP_MAC_CTX* const context = impl_->context.get();
    size_t size = 0;
    require(EVP_MAC_init(context, impl_->key.data(), key_size, nullptr) == 1 &&
            EVP_MAC_update(context, page.data(), page.size()) == 1 &&
            EVP_MAC_final(context, digest.data(), &size, digest.size()) == 1 &&
            size == digest.size());
    return digest;
}

}  // namespace xl_colo
