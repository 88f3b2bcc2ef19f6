// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IClearinghouse} from "../interfaces/IClearinghouse.sol";
import {IVault} from "../interfaces/IVault.sol";
import {accountIdOf} from "../types/AccountId.sol";
import {InstrumentId} from "../types/InstrumentId.sol";
import {Leg, Trade} from "../types/Trade.sol";

/// @title MockCrowd
/// @notice A venue that owns very many accounts and gives them money and positions, many in one call: the crowd that a
/// keeper is measured with.
contract MockCrowd {
    IClearinghouse private immutable CLEARINGHOUSE;
    IVault private immutable VAULT;
    IERC20 private immutable TOKEN;

    constructor(IClearinghouse clearinghouse, IVault vault, IERC20 token) {
        CLEARINGHOUSE = clearinghouse;
        VAULT = vault;
        TOKEN = token;
        token.approve(address(vault), type(uint256).max);
    }

    /// @notice Pairs of accounts trade with each other: each even sub-account buys from the next.
    /// @param first Number of the first pair's first sub-account.
    /// @param buyers What each buyer brings, one for each pair [token].
    /// @param seller What each seller brings [token].
    /// @param instrument What they trade.
    /// @param size What each buys [wad].
    /// @param price Of all trades [wad].
    function join(
        uint96 first,
        uint256[] calldata buyers,
        uint256 seller,
        InstrumentId instrument,
        int128 size,
        uint128 price
    ) external {
        Trade[] memory trades = new Trade[](buyers.length);
        for (uint96 i = 0; i < buyers.length; ++i) {
            Trade memory trade = trades[i];
            (trade.instrument, trade.size, trade.price) = (instrument, size, price);
            trade.taker = _comes(first + 2 * i, buyers[i]);
            trade.maker = _comes(first + 2 * i + 1, seller);
        }
        CLEARINGHOUSE.clear(trades);
    }

    function _comes(uint96 subAccount, uint256 amount) private returns (Leg memory leg) {
        leg.account = accountIdOf(address(this), subAccount);
        VAULT.deposit(leg.account, address(TOKEN), amount);
    }
}
