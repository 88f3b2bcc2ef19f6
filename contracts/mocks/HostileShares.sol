// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ITransferHook} from "./CallbackToken.sol";
import {MockShares} from "./MockShares.sol";

/// @title HostileShares
/// @notice A vault of shares that can be told to fail, to lie, or to call somebody while tokens are taken from it.
contract HostileShares is MockShares {
    enum Manner {
        Honest,
        Reverts,
        RevertsWithMegabyte,
        ReturnsMegabyte,
        ReturnsNothing,
        SendsNothing,
        SendsLess,
        SendsMore,
        BurnsMore,
        BurnsNothing,
        CallsBefore,
        CallsAfter,
        SaysMuch,
        SaysNothing
    }

    error Refused();

    Manner public manner;
    ITransferHook public hook;

    constructor(IERC20 token) MockShares(token) {}

    /// @notice Sets what it does from now on, and whom it calls.
    function setManner(Manner manner_, ITransferHook hook_) external {
        (manner, hook) = (manner_, hook_);
    }

    function maxWithdraw(address owner) public view override returns (uint256) {
        if (manner == Manner.SaysMuch) return type(uint256).max;
        if (manner == Manner.SaysNothing) revert Refused();
        return super.maxWithdraw(owner);
    }

    function _withdraw(
        address caller,
        address receiver,
        address owner,
        uint256 assets,
        uint256 shares
    ) internal override {
        if (manner == Manner.Reverts) revert Refused();
        if (manner == Manner.RevertsWithMegabyte) _answer({reverting: true, length: 1 << 20});
        if (manner == Manner.CallsBefore) hook.onTransfer();
        if (manner == Manner.SendsNothing) _burn(owner, shares);
        else if (manner == Manner.BurnsNothing) IERC20(asset()).transfer(receiver, assets);
        else {
            if (manner == Manner.SendsLess) --assets;
            if (manner == Manner.SendsMore) assets += 5e6;
            if (manner == Manner.BurnsMore) _burn(owner, shares);
            super._withdraw(caller, receiver, owner, assets, shares);
        }
        if (manner == Manner.CallsAfter) hook.onTransfer();
        if (manner == Manner.ReturnsMegabyte) _answer({reverting: false, length: 1 << 20});
        if (manner == Manner.ReturnsNothing) _answer({reverting: false, length: 0});
    }

    /// @dev Ends the call with so many bytes of zeros.
    function _answer(bool reverting, uint256 length) private pure {
        assembly ("memory-safe") {
            let begin := mload(0x40)
            if reverting {
                revert(begin, length)
            }
            return(begin, length)
        }
    }
}
