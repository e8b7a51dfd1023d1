#include "model_mover.h"

namespace xl_colo::model {

namespace {

class PassingSave : public SaveCallbacks {
public:
    PassingSave(SaveCallbacks& inner, const Pass& pass)
        : inner_(inner), pass_(pass)
    {
    }
    bool device_model_log_dirty(bool on) override
    {
        return inner_.device_model_log_dirty(on);
    }
    bool suspend() override
    {
        return call("save.suspend", &SaveCallbacks::suspend);
    }
    bool checkpoint() override
    {
        return call("save.checkpoint", &SaveCallbacks::checkpoint);
    }
    bool postcopy() override
    {
        return call("save.postcopy", &SaveCallbacks::postcopy);
    }
    bool wait_checkpoint() override
    {
        return call("save.wait", &SaveCallbacks::wait_checkpoint);
    }

private:
    bool call(const std::string& name, bool (SaveCallbacks::*callback)())
    {
        return pass_(name) && (inner_.*callback)() && pass_(name + ".done");
    }

    SaveCallbacks& inner_;
    const Pass& pass_;
};

class PassingRestore : public RestoreCallbacks {
public:
    PassingRestore(RestoreCallbacks& inner, const Pass& pass)
        : inner_(inner), pass_(pass)
    {
    }
    RestoreAnswer checkpoint() override
    {
        return call("restore.checkpoint", &RestoreCallbacks::checkpoint);
    }
    void restore_results(Pfn store, Pfn console) override
    {
        (void)pass_("restore.results");
        inner_.restore_results(store, console);
    }
    RestoreAnswer postcopy() override
    {
        return call("restore.postcopy", &RestoreCallbacks::postcopy);
    }
    RestoreAnswer wait_checkpoint() override
    {
        return call("restore.wait", &RestoreCallbacks::wait_checkpoint);
    }
    RestoreAnswer suspend() override
    {
        return call("restore.suspend", &RestoreCallbacks::suspend);
    }

private:
    RestoreAnswer call(const std::string& name,
                       RestoreAnswer (RestoreCallbacks::*callback)())
    {
        if (!pass_(name)) {
            return RestoreAnswer::fail;
        }
        const RestoreAnswer answer = (inner_.*callback)();
        (void)pass_(name + ".done");
        return answer;
    }

    RestoreCallbacks& inner_;
    const Pass& pass_;
};

}  // namespace

Status ModelMover::save(Domid domid, UniqueFd io, UniqueFd back,
                        SaveCallbacks& callbacks)
{
    PassingSave passing(callbacks, pass_);
    return XenPageMover::save(domid, std::move(io), std::move(back), passing);
}

Status ModelMover::restore(Incoming& incoming, UniqueFd io, UniqueFd back,
                           Pages gfns, bool reserve_gfns,
                           RestoreCallbacks& callbacks)
{
    PassingRestore passing(callbacks, pass_);
    return XenPageMover::restore(incoming, std::move(io), std::move(back),
                                 gfns, reserve_gfns, passing);
}

}  // namespace xl_colo::model
